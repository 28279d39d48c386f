"""A running count of what a store holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary


@dataclass
class Ledger:
    """Bytes held now and at most, and the longest row there ever was. Counts are of memory really allocated.

    Memory that several rows hold counts once.

    held and peak count what lies in memory, offloaded what a medium keeps elsewhere, such as in a file.
    """

    held: int = 0
    peak: int = 0
    offloaded: int = 0
    peak_entries: int = 0
    _owners: WeakIdKeyDictionary = field(default_factory=WeakIdKeyDictionary)

    def take(self, columns: Iterable[Tensor], *, resident: bool = True) -> None:
        """Rows hold this memory from now on."""
        for column in columns:
            owners = self._owners[column] = self._owners.get(column, 0) + 1
            if owners == 1:
                self._count(column.nbytes, resident)

    def give(self, columns: Iterable[Tensor], *, resident: bool = True) -> None:
        """Rows that held this memory do not any more."""
        for column in columns:
            self._owners[column] -= 1
            if not self._owners[column]:
                del self._owners[column]
                self._count(-column.nbytes, resident)

    def _count(self, bytes_more: int, resident: bool) -> None:
        if resident:
            self.held += bytes_more
            self.peak = max(self.peak, self.held)
        else:
            self.offloaded += bytes_more

    def reached(self, entries: int) -> None:
        """A row has grown to this many entries."""
        self.peak_entries = max(self.peak_entries, entries)
