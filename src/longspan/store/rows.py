"""Growing rows of entries: several rows, each of its own length, several columns per entry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.store.ledger import Ledger


@dataclass
class _Shared:
    """How many Rows look at the same memory."""

    owners: int = 1


class Rows:
    """A ragged table in flat memory.

    Row h takes `capacity[h]` places from `offset[h]` on, of which the first `lengths[h]` are filled. A column is
    one tensor `[sum of capacities, w]`. While all rows are alike they are seen as one tensor `[rows, n, w]`.
    """

    def __init__(self, rows: int, ledger: Ledger) -> None:
        self.rows = rows
        self.lengths = [0] * rows
        self._ledger = ledger
        self._capacity = [0] * rows
        self._columns: list[Tensor] = []
        self._shared = _Shared()

    @property
    def even(self) -> bool:
        """Whether every row has the same length and room."""
        return len(set(self.lengths)) == 1 and len(set(self._capacity)) == 1

    @property
    def nbytes(self) -> int:
        """Memory held, filled or not."""
        return sum(column.nbytes for column in self._columns)

    def append(self, columns: Sequence[Tensor]) -> None:
        """Adds n entries to every row. columns: tensors `[rows, n, w]`, the same kinds each time."""
        count = columns[0].shape[1]
        wanted = [length + count for length in self.lengths]
        if not self._columns:
            room = [max(want, reserved) for want, reserved in zip(wanted, self._capacity, strict=True)]
            fresh = [column.new_empty(sum(room), column.shape[-1]) for column in columns]
            self._replace(fresh, self.lengths, room)
        elif any(want > room for want, room in zip(wanted, self._capacity, strict=True)):
            self._move([max(want, 2 * room) for want, room in zip(wanted, self._capacity, strict=True)])
        elif self._shared.owners > 1:
            self._move(list(self._capacity))
        if self.even:
            start = self.lengths[0]
            for mine, new in zip(self._columns, columns, strict=True):
                mine.view(self.rows, -1, mine.shape[-1])[:, start : start + count].copy_(new)
        else:
            for row, offset in enumerate(self._offsets()):
                start = offset + self.lengths[row]
                for mine, new in zip(self._columns, columns, strict=True):
                    mine[start : start + count].copy_(new[row])
        self.lengths = wanted
        self._ledger.reached(max(wanted))

    def reserve(self, count: int) -> None:
        """Makes room for `count` more entries a row, so that appending them moves nothing."""
        wanted = [length + count for length in self.lengths]
        if not self._columns:
            self._capacity = wanted
        elif any(want > room for want, room in zip(wanted, self._capacity, strict=True)):
            self._move(wanted)

    def keep(self, chosen: Sequence[Tensor]) -> None:
        """Leaves only the entries chosen, per row the ascending indices, and frees the memory of the others."""
        lengths = [len(index) for index in chosen]
        flat = [offset + index for offset, index in zip(self._offsets(), chosen, strict=True)]
        places = torch.cat(flat)
        self._replace([column.index_select(0, places) for column in self._columns], lengths, lengths)

    def add_column(self, rows: Sequence[Tensor]) -> None:
        """A further column, given row by row as tensors `[length, w]`; the rows must be filled to their room."""
        column = rows[0].new_empty(sum(self._capacity), rows[0].shape[-1])
        for offset, row in zip(self._offsets(), rows, strict=True):
            column[offset : offset + len(row)] = row
        self._ledger.take(column.nbytes)
        self._columns = [*self._columns, column]

    def groups(self) -> Iterator[tuple[slice, list[Tensor]]]:
        """The rows as even tensors `[h, n, w]` per column: all at once while they are alike, else one by one."""
        if self.even:
            length = self.lengths[0]
            views = [column.view(self.rows, -1, column.shape[-1])[:, :length] for column in self._columns]
            yield slice(0, self.rows), views
            return
        for row, offset in enumerate(self._offsets()):
            stop = offset + self.lengths[row]
            yield slice(row, row + 1), [column[None, offset:stop] for column in self._columns]

    def fork(self, ledger: Ledger) -> Rows:
        """A second owner of the same entries; whoever appends first takes a copy."""
        twin = Rows(self.rows, ledger)
        twin.lengths = list(self.lengths)
        twin._capacity = list(self._capacity)
        twin._columns = list(self._columns)
        twin._shared = self._shared
        self._shared.owners += 1
        ledger.take(self.nbytes)
        ledger.reached(max(self.lengths, default=0))
        return twin

    def release(self) -> None:
        """Gives all memory back; the rows are empty afterwards."""
        self._replace([], [0] * self.rows, [0] * self.rows)

    def _offsets(self) -> list[int]:
        offsets, total = [], 0
        for room in self._capacity:
            offsets.append(total)
            total += room
        return offsets

    def _move(self, capacity: list[int]) -> None:
        """Copies the filled places into new memory of the given room."""
        fresh = [column.new_empty(sum(capacity), column.shape[-1]) for column in self._columns]
        old = self._offsets()
        start = 0
        for row, room in enumerate(capacity):
            length = self.lengths[row]
            for source, target in zip(self._columns, fresh, strict=True):
                target[start : start + length].copy_(source[old[row] : old[row] + length])
            start += room
        self._replace(fresh, self.lengths, capacity)

    def _replace(self, columns: list[Tensor], lengths: list[int], capacity: list[int]) -> None:
        self._ledger.take(sum(column.nbytes for column in columns))
        self._ledger.give(self.nbytes)
        self._shared.owners -= 1
        self._columns, self.lengths, self._capacity = columns, list(lengths), list(capacity)
        self._shared = _Shared()
