"""A running count of what a store holds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Ledger:
    """Bytes held now and at most, and the longest row there ever was. Counts are of memory really allocated.

    held and peak count what lies in memory, offloaded what a medium keeps elsewhere, such as in a file.
    """

    held: int = 0
    peak: int = 0
    offloaded: int = 0
    peak_entries: int = 0

    def take(self, count: int, *, resident: bool = True) -> None:
        """Room was allocated."""
        if resident:
            self.held += count
            self.peak = max(self.peak, self.held)
        else:
            self.offloaded += count

    def give(self, count: int, *, resident: bool = True) -> None:
        """Room was released."""
        if resident:
            self.held -= count
        else:
            self.offloaded -= count

    def reached(self, entries: int) -> None:
        """A row has grown to this many entries."""
        self.peak_entries = max(self.peak_entries, entries)
