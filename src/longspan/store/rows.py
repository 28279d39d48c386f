"""Growing rows of entries: several rows, each of its own length, several columns per entry."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import eq, ge
from weakref import WeakSet

import torch
from torch import Tensor

from longspan.store.ledger import Ledger
from longspan.store.medium import MEMORY, Medium

_MOVES = itertools.count()


@dataclass
class _Shared:
    """Memory at which several Rows may look.

    owners: how many do now. taken: how much of each row was written by any of them. marks: those that may be gone back
    to in this memory.
    """

    owners: int = 1
    taken: list[int] = field(default_factory=list)
    marks: WeakSet[RowsMark] = field(default_factory=WeakSet)


@dataclass(frozen=True, eq=False)
class RowsMark:
    """What rows held, for `rewind`: where it lies and how much of it was filled. Nobody writes there while it lives."""

    lengths: list[int]
    capacity: list[int]
    columns: list[Tensor]
    per: list[int]
    shared: _Shared


class Rows:
    """A ragged table in flat memory.

    Row h takes `capacity[h]` places from `offset[h]` on, of which the first `lengths[h]` are filled. A column is
    one tensor `[sum of capacities / per, w]`: per = 1, or `block` for a column that describes blocks of entries;
    then all lengths and capacities are whole blocks. While all rows are alike they are seen as one tensor
    `[rows, n / per, w]`.
    """

    def __init__(self, rows: int, ledger: Ledger, *, block: int = 1, medium: Medium = MEMORY) -> None:
        self.rows = rows
        self.lengths = [0] * rows
        self._moves = next(_MOVES)
        self._ledger, self._block, self._medium = ledger, block, medium
        self._capacity = [0] * rows
        self._columns: list[Tensor] = []
        self._per: list[int] = []
        self._shared = _Shared()

    @property
    def even(self) -> bool:
        """Whether every row has the same length and room."""
        return len(set(self.lengths)) == 1 and len(set(self._capacity)) == 1

    @property
    def columns(self) -> list[Tensor]:
        """The memory in which the entries lie."""
        return self._columns

    @property
    def nbytes(self) -> int:
        """Room held, filled or not."""
        return sum(column.nbytes for column in self._columns)

    @property
    def ledger(self) -> Ledger:
        """Where its room is counted."""
        return self._ledger

    @property
    def device(self) -> torch.device:
        """Where the entries are."""
        return self._columns[0].device if self._columns else torch.device("cpu")

    @property
    def untouched(self) -> bool:
        """Whether there never was an entry."""
        return not self._columns

    @property
    def resident(self) -> bool:
        """Whether the room is memory."""
        return self._medium.resident

    def append(self, columns: Sequence[Tensor]) -> None:
        """Adds n entries to every row. columns: tensors `[rows, n / per, w]`, the same kinds each time."""
        count = columns[0].shape[1]
        if count == 0:
            return
        self._make_room([count] * self.rows, columns)
        if self.even:
            start = self.lengths[0]
            for mine, new, per in zip(self._columns, columns, self._per, strict=True):
                place = slice(start // per, (start + count) // per)
                mine.view(self.rows, -1, mine.shape[-1])[:, place].copy_(new)
        else:
            self._fill([[column[row] for column in columns] for row in range(self.rows)])
        self._grown([count] * self.rows)

    def ready(self) -> int:
        """Makes room for one more entry in each row, to be asked for once before it is written.

        Whoever writes it says so by `grown`. Returns a number that is another one than before where rows lie elsewhere
        now, or have become longer or shorter otherwise than by `grown`.
        """
        if self._shared.taken != self.lengths or any(map(eq, self.lengths, self._capacity)):
            self._make_room([1] * self.rows, self._columns)
        self._shared.taken = [length + 1 for length in self.lengths]
        return self._moves

    @property
    def begins(self) -> list[list[int]]:
        """Per row the addresses of its columns, and its length as the last."""
        places = [(column.data_ptr(), column.shape[-1] * column.itemsize) for column in self._columns]
        found, offset = [], 0
        for length, room in zip(self.lengths, self._capacity, strict=True):
            found.append([*(address + offset * size for address, size in places), length])
            offset += room
        return found

    def grown(self) -> None:
        """Each row is one entry longer."""
        self.lengths = [length + 1 for length in self.lengths]

    def extend(self, rows: Sequence[Sequence[Tensor]]) -> None:
        """Adds to each row entries of its own number: per row the columns `[n / per, w]`, the same kinds each time."""
        counts = [len(columns[0]) for columns in rows]
        if not any(counts):
            return
        self._make_room(counts, rows[max(range(self.rows), key=counts.__getitem__)])
        self._fill(rows)
        self._grown(counts)

    def reserve(self, count: int) -> None:
        """Makes room for `count` more entries a row, so that appending them moves nothing."""
        wanted = [self._whole(length + count) for length in self.lengths]
        if not self._columns:
            self._capacity = [max(want, room) for want, room in zip(wanted, self._capacity, strict=True)]
        elif any(want > room for want, room in zip(wanted, self._capacity, strict=True)):
            self._move(wanted)

    def keep(self, chosen: Sequence[Tensor]) -> None:
        """Leaves only the entries chosen, per row the ascending indices, and frees the memory of the others.

        For rows without blocks.
        """
        lengths = [len(index) for index in chosen]
        flat = [offset + index for offset, index in zip(self._offsets(), chosen, strict=True)]
        places = torch.cat(flat)
        fresh = []
        for column in self._columns:
            kept = self._medium.empty((len(places), column.shape[-1]), column)
            torch.index_select(column, 0, places, out=kept)
            fresh.append(kept)
        self._replace(fresh, lengths, lengths)

    def drop_first(self, counts: Sequence[int]) -> None:
        """Frees the first entries of each row, whole blocks of them."""
        lengths = [length - count for length, count in zip(self.lengths, counts, strict=True)]
        fresh = [
            self._room(lengths, column, per) for column, per in zip(self._columns, self._per, strict=True)
        ]
        start = 0
        for row, offset in enumerate(self._offsets()):
            first, stop = offset + counts[row], offset + self.lengths[row]
            for source, target, per in zip(self._columns, fresh, self._per, strict=True):
                target[start // per : (start + lengths[row]) // per].copy_(source[first // per : stop // per])
            start += lengths[row]
        self._replace(fresh, lengths, lengths)

    def add_column(self, rows: Sequence[Tensor]) -> None:
        """A further column, given row by row as tensors `[length, w]`."""
        if not self._columns:
            return
        column = self._room(self._capacity, rows[0], 1)
        for offset, row in zip(self._offsets(), rows, strict=True):
            column[offset : offset + len(row)] = row
        self._ledger.take([column], resident=self.resident)
        self._moves = next(_MOVES)
        self._columns, self._per = [*self._columns, column], [*self._per, 1]

    def groups(self) -> Iterator[tuple[slice, int, list[Tensor]]]:
        """Rows that are alike, their length, and their columns `[h, n / per, w]`: all rows at once, or one by one."""
        if self.even:
            length = self.lengths[0]
            views = [
                column.view(self.rows, -1, column.shape[-1])[:, : length // per]
                for column, per in zip(self._columns, self._per, strict=True)
            ]
            yield slice(0, self.rows), length, views
            return
        for row, offset in enumerate(self._offsets()):
            stop = offset + self.lengths[row]
            views = [
                column[None, offset // per : stop // per]
                for column, per in zip(self._columns, self._per, strict=True)
            ]
            yield slice(row, row + 1), self.lengths[row], views

    def prefetch(self) -> None:
        """Announces that all of it will be read soon."""
        self._medium.prefetch(self._columns)

    def fork(self, ledger: Ledger) -> Rows:
        """A second owner of the same entries. Whoever appends first goes on behind them, the others take a copy."""
        twin = Rows(self.rows, ledger, block=self._block, medium=self._medium)
        twin.lengths = list(self.lengths)
        twin._capacity = list(self._capacity)
        twin._columns, twin._per = list(self._columns), list(self._per)
        if self._free:
            self._shared.taken = self.lengths
        twin._shared = self._shared
        self._shared.owners += 1
        ledger.take(self._columns, resident=self.resident)
        return twin

    def mark(self) -> RowsMark:
        """What is held now, without a copy: entries that are dropped later stay in the memory that the mark knows."""
        mark = RowsMark(self.lengths, self._capacity, self._columns, self._per, self._shared)
        self._shared.marks.add(mark)
        return mark

    def rewind(self, mark: RowsMark) -> None:
        """Holds again what was held at a mark of its own."""
        if mark.columns is not self._columns:
            self._ledger.take(mark.columns, resident=self.resident)
            self._ledger.give(self._columns, resident=self.resident)
            self._shared.owners -= 1
            self._shared = mark.shared
            self._shared.owners += 1
        self._moves = next(_MOVES)
        self.lengths, self._capacity = mark.lengths, mark.capacity
        self._columns, self._per = mark.columns, mark.per

    def filled(self) -> list[Tensor]:
        """The columns without their empty places: `[sum of lengths / per, w]`, row after row."""
        parts: list[list[Tensor]] = [[] for _ in self._columns]
        for row, offset in enumerate(self._offsets()):
            stop = offset + self.lengths[row]
            for part, column, per in zip(parts, self._columns, self._per, strict=True):
                part.append(column[offset // per : stop // per])
        return [torch.cat(part) for part in parts]

    def refill(self, columns: Sequence[Tensor], lengths: Sequence[int]) -> None:
        """Takes what `filled` gave, for rows of the given lengths."""
        rows: list[list[Tensor]] = [[] for _ in range(self.rows)]
        for column in columns:
            per = sum(lengths) // max(1, len(column))
            for row, part in enumerate(column.split([length // per for length in lengths])):
                rows[row].append(part)
        self._capacity = [0] * self.rows
        self.extend(rows)

    def release(self) -> None:
        """Gives all memory back; the rows are empty afterwards."""
        self._replace([], [0] * self.rows, [0] * self.rows)

    @property
    def _free(self) -> bool:
        """Whether nobody's entries lie behind its own, those of marks included."""
        shared = self._shared
        return shared.taken == self.lengths or (shared.owners == 1 and all(map(self._covers, shared.marks)))

    def _covers(self, mark: RowsMark) -> bool:
        return all(map(ge, self.lengths, mark.lengths))

    def _make_room(self, counts: Sequence[int], columns: Sequence[Tensor]) -> None:
        """Room behind each row that nobody else writes to, for so many more entries; columns show the kinds."""
        wanted = [length + count for length, count in zip(self.lengths, counts, strict=True)]
        if not self._columns:
            room = [self._whole(max(want, some)) for want, some in zip(wanted, self._capacity, strict=True)]
            entries = max(counts)
            self._per = [entries // column.shape[-2] for column in columns]
            fresh = [self._room(room, column, per) for column, per in zip(columns, self._per, strict=True)]
            self._replace(fresh, self.lengths, room)
        elif any(want > room for want, room in zip(wanted, self._capacity, strict=True)):
            self._move(
                [self._whole(max(want, 2 * room)) for want, room in zip(wanted, self._capacity, strict=True)]
            )
        elif not self._free:
            self._move(list(self._capacity))
        self._shared.taken = wanted

    def _fill(self, rows: Sequence[Sequence[Tensor]]) -> None:
        """Writes behind the end of each row."""
        for row, offset in enumerate(self._offsets()):
            start = offset + self.lengths[row]
            for mine, new, per in zip(self._columns, rows[row], self._per, strict=True):
                mine[start // per : start // per + len(new)].copy_(new)

    def _grown(self, counts: Sequence[int]) -> None:
        self._moves = next(_MOVES)
        self.lengths = [length + count for length, count in zip(self.lengths, counts, strict=True)]

    def _whole(self, entries: int) -> int:
        return -(-entries // self._block) * self._block

    def _room(self, capacity: Sequence[int], like: Tensor, per: int) -> Tensor:
        return self._medium.empty((sum(capacity) // per, like.shape[-1]), like)

    def _offsets(self) -> list[int]:
        offsets, total = [], 0
        for room in self._capacity:
            offsets.append(total)
            total += room
        return offsets

    def _move(self, capacity: list[int]) -> None:
        """Copies the filled places into new memory of the given room."""
        fresh = [
            self._room(capacity, column, per) for column, per in zip(self._columns, self._per, strict=True)
        ]
        old = self._offsets()
        start = 0
        for row, room in enumerate(capacity):
            stop = old[row] + self.lengths[row]
            for source, target, per in zip(self._columns, fresh, self._per, strict=True):
                part = source[old[row] // per : stop // per]
                target[start // per : start // per + len(part)].copy_(part)
            start += room
        self._replace(fresh, self.lengths, capacity)

    def _replace(self, columns: list[Tensor], lengths: Sequence[int], capacity: Sequence[int]) -> None:
        self._ledger.take(columns, resident=self.resident)
        self._ledger.give(self._columns, resident=self.resident)
        self._moves = next(_MOVES)
        self._shared.owners -= 1
        self._columns, self.lengths, self._capacity = columns, list(lengths), list(capacity)
        self._shared = _Shared(taken=self.lengths)
