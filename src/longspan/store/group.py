"""Some rows of entries that are alike, seen as one tensor."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from longspan.kernels.decoding import Coding, Stretch
from longspan.store.form import Columns, Form


@dataclass(frozen=True, kw_only=True, eq=False)
class Exact:
    """Keys as they came, of some entries whose form gives others back.

    entries: ascending int64 `[h, k]`. keys `[h, k, dim]`, turned as those that are stored.
    """

    entries: Tensor
    keys: Tensor

    def among(self, keys: Tensor, start: int) -> Tensor:
        """Keys `[h, n, dim]` of the entries from `start` on, with these in their places."""
        place = self.entries - start
        row, number = ((place >= 0) & (place < keys.shape[1])).nonzero(as_tuple=True)
        return keys.index_put((row, place[row, number]), self.keys[row, number].to(keys.dtype))

    def picked(self, keys: Tensor, row: Tensor, index: Tensor) -> Tensor:
        """Keys `[g, m, dim]` of the entries `index` of the rows `row` `[g, 1]`, with these in their places."""
        row = row[:, 0]
        held = self.entries[row]
        number = torch.searchsorted(held, index).clamp_(max=held.shape[1] - 1)
        here, place = (held.gather(1, number) == index).nonzero(as_tuple=True)
        return keys.index_put((here, place), self.keys[row[here], number[here, place]].to(keys.dtype))


@dataclass(frozen=True, kw_only=True)
class Group:
    """Rows of the KV heads `heads`, each of `length` entries, in one form. h = their number.

    first: the position of the first entry where entries are consecutive tokens and positions are not stored.
    tier: "coded" and "demoted" entries only ever grow at the end, unless a policy acts; "recent" ones move on into
    another form. exact: keys that are held as they came besides, None for none.
    """

    heads: slice
    length: int
    form: Form
    dtype: torch.dtype
    key_columns: Columns
    value_columns: Columns
    position_column: Tensor | None
    first: int
    tier: Literal["coded", "recent", "demoted"]
    exact: Exact | None = None

    @property
    def place(self) -> tuple[int, int]:
        """By which what is remembered of the rows is found again: whether they were demoted, and the first head."""
        return int(self.tier == "demoted"), self.heads.start

    def keys(self, start: int = 0, stop: int | None = None) -> Tensor:
        """Keys `[h, stop − start, dim]` in the model's dtype."""
        cut, inside = self._cut(self.key_columns, start, stop)
        keys = self.form.keys(cut, self._rows, self.dtype)[:, inside]
        return keys if self.exact is None else self.exact.among(keys, start)

    def values(self, start: int = 0, stop: int | None = None) -> Tensor:
        """Values, likewise."""
        cut, inside = self._cut(self.value_columns, start, stop)
        return self.form.values(cut, self._rows, self.dtype)[:, inside]

    def only(self, row: int) -> Group:
        """One of the rows alone."""
        return replace(
            self,
            heads=slice(self.heads.start + row, self.heads.start + row + 1),
            key_columns=tuple(column[row : row + 1] for column in self.key_columns),
            value_columns=tuple(column[row : row + 1] for column in self.value_columns),
            position_column=None if self.position_column is None else self.position_column[row : row + 1],
        )

    def gather(self, index: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Keys and values `[g, m, dim]` of chosen entries; index `[g, m]`, g a multiple of h (heads share rows)."""
        row = self._shared_by(index)
        keys = tuple(self._pick(column, row, index) for column in self.key_columns)
        values = tuple(self._pick(column, row, index) for column in self.value_columns)
        heads = row[:, 0] + self.heads.start
        found = self.form.keys(keys, heads, dtype)
        if self.exact is not None:
            found = self.exact.picked(found, row, index)
        return found, self.form.values(values, heads, dtype)

    @property
    def codings(self) -> tuple[Coding, Coding] | None:
        """How kernels read keys and values where they are; None where they have to be decoded before."""
        if self.exact is not None or self.key_columns[0].device.type != "cpu":
            return None
        key, value = self.form.coding(self.key_columns), self.form.coding(self.value_columns)
        return None if key is None or value is None else (key, value)

    def stretches(self, number: int) -> list[Stretch]:
        """Where the entries of each row lie, for codings of this number."""
        columns = [_addresses(each) for each in (self.key_columns, self.value_columns)]
        rows = range(self.heads.stop - self.heads.start)
        places = [[start + row * step for side in columns for start, step in side] for row in rows]
        return [Stretch._make([*each, self.length, number]) for each in places]

    def places(self, index: Tensor) -> Tensor:
        """Original positions `[g, m]` of chosen entries."""
        if self.position_column is None:
            return index + self.first
        picked = self._pick(self.position_column, self._shared_by(index), index)
        return picked[..., 0].to(index.device, torch.long)

    def edges(self) -> tuple[int, int]:
        """The smallest and the largest original position."""
        if self.position_column is None:
            return self.first, self.first + self.length - 1
        return int(self.position_column.min()), int(self.position_column.max())

    def positions(self) -> Tensor:
        """Original positions `[h, n]`; ascending along each row, except in a tier of entries that were moved."""
        if self.position_column is not None:
            return self.position_column[..., 0].long()
        device = self.key_columns[0].device
        return torch.arange(self.first, self.first + self.length, device=device).expand(len(self._rows), -1)

    @property
    def _rows(self) -> Tensor:
        return torch.arange(self.heads.start, self.heads.stop, device=self.key_columns[0].device)

    def _cut(self, columns: Columns, start: int, stop: int | None) -> tuple[Columns, slice]:
        """The blocks around some entries, and where in them these are."""
        stop = self.length if stop is None else stop
        block = self.form.block
        low, high = start // block * block, min(self.length, -(-stop // block) * block)
        cut = tuple(column[:, self._at(column, low) : self._at(column, high)] for column in columns)
        return cut, slice(start - low, stop - low)

    def _at(self, column: Tensor, entry: int) -> int:
        return entry if column.shape[1] == self.length else entry // self.form.block

    def _shared_by(self, index: Tensor) -> Tensor:
        rows = index.shape[0]
        return torch.arange(rows, device=index.device)[:, None] * self.key_columns[0].shape[0] // rows

    def _pick(self, column: Tensor, row: Tensor, index: Tensor) -> Tensor:
        """Entries `[g, m, w]` of a column. Whole rows copied by number are far faster than indexing.

        The column may lie on another device than the index, and what is picked then lies where the column does.
        """
        heads, entries, width = column.shape
        if entries != self.length:
            index = index // self.form.block
        pitch = column.stride(0) // width
        flat = column.as_strided(((heads - 1) * pitch + entries, width), (width, 1))
        picked = flat.index_select(0, (row * pitch + index).flatten().to(column.device))
        return picked.view(*index.shape, width)


def _addresses(columns: Columns) -> list[tuple[int, int]]:
    """Numbers, scales and zero points: where those of the first row begin, and how far from row to row."""
    found = [(column.data_ptr(), column.stride(0) * column.itemsize) for column in columns]
    return found + [(0, 0)] * (3 - len(found))
