"""A running count of what a store holds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Ledger:
    """Bytes held now and at most, and the longest row there ever was. Counts are of memory really allocated."""

    held: int = 0
    peak: int = 0
    peak_entries: int = 0

    def take(self, count: int) -> None:
        """Memory was allocated."""
        self.held += count
        self.peak = max(self.peak, self.held)

    def give(self, count: int) -> None:
        """Memory was released."""
        self.held -= count

    def reached(self, entries: int) -> None:
        """A row has grown to this many entries."""
        self.peak_entries = max(self.peak_entries, entries)
