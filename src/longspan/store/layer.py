"""The entries that one sequence keeps in one layer: keys, values, and where in the text each came from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.store.form import Form, Plain
from longspan.store.ledger import Ledger
from longspan.store.rows import Rows


@dataclass(frozen=True, kw_only=True)
class Group:
    """Some KV heads whose rows are alike, seen as one tensor. h = their number, n = entries in each."""

    heads: slice
    length: int
    form: Form
    dtype: torch.dtype
    key_columns: tuple[Tensor, ...]
    value_columns: tuple[Tensor, ...]
    position_column: Tensor | None
    first: int

    def keys(self, start: int = 0, stop: int | None = None) -> Tensor:
        """Keys `[h, stop − start, dim]` in the model's dtype."""
        return self.form.decode(tuple(column[:, start:stop] for column in self.key_columns), self.dtype)

    def values(self, start: int = 0, stop: int | None = None) -> Tensor:
        """Values, likewise."""
        return self.form.decode(tuple(column[:, start:stop] for column in self.value_columns), self.dtype)

    def gather(self, index: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Keys and values `[g, m, dim]` of chosen entries; index `[g, m]`, g a multiple of h (heads share rows)."""
        rows = index.shape[0]
        row = torch.arange(rows, device=index.device)[:, None] * self.key_columns[0].shape[0] // rows
        picked = [_pick(column, row, index) for column in (*self.key_columns, *self.value_columns)]
        parts = len(self.key_columns)
        return (
            self.form.decode(tuple(picked[:parts]), dtype),
            self.form.decode(tuple(picked[parts:]), dtype),
        )

    def with_fresh(self, past: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of the first `past` entries as stored, and of those after them as given."""
        if isinstance(self.form, Plain):
            return self.keys(), self.values()
        return torch.cat((self.keys(0, past), key), 1), torch.cat((self.values(0, past), value), 1)

    def edges(self, stop: int) -> tuple[int, int]:
        """The smallest and the largest original position among the first `stop` entries of each row."""
        if self.position_column is None:
            return self.first, self.first + stop - 1
        column = self.position_column[..., 0]
        return int(column[:, 0].min()), int(column[:, stop - 1].max())

    def positions(self) -> Tensor:
        """Original positions `[h, n]`, ascending along each row."""
        if self.position_column is not None:
            return self.position_column[..., 0].long()
        heads = self.key_columns[0].shape[0]
        return torch.arange(self.first, self.first + self.length, device=self.key_columns[0].device).expand(
            heads, -1
        )


def _pick(column: Tensor, row: Tensor, index: Tensor) -> Tensor:
    """Entries `[g, m, w]` of a column `[h, n, w]`. Whole rows copied by number are far faster than indexing."""
    heads, entries, width = column.shape
    apart = column.stride(0) // width
    flat = column.as_strided(((heads - 1) * apart + entries, width), (width, 1))
    picked = flat.index_select(0, (row * apart + index).flatten())
    return picked.view(*index.shape, width)


class LayerStore:
    """One row per KV head.

    seen counts the tokens ever appended. While the entries are consecutive tokens (`whole`), entry i is position
    first + i and no positions are stored.
    """

    def __init__(self, heads: int, form: Form, ledger: Ledger) -> None:
        self.heads, self.form = heads, form
        self.seen = 0
        self.first = 0
        self.whole = True
        self._rows = Rows(heads, ledger)
        self._key_parts = 0
        self._dtype = torch.float32
        self._device = torch.device("cpu")

    @property
    def lengths(self) -> list[int]:
        """Entries kept per row."""
        return list(self._rows.lengths)

    @property
    def nbytes(self) -> int:
        """Memory held."""
        return self._rows.nbytes

    def append(self, key: Tensor, value: Tensor) -> None:
        """Adds n tokens. key and value `[heads, n, dim]`."""
        keys, values = self.form.encode(key), self.form.encode(value)
        columns = [*keys, *values]
        count = key.shape[1]
        if not self.whole:
            positions = torch.arange(self.seen, self.seen + count, dtype=torch.int32, device=key.device)
            columns.append(positions[None, :, None].expand(self.heads, -1, -1))
        self._rows.append(columns)
        self._key_parts, self._dtype, self._device = len(keys), key.dtype, key.device
        self.seen += count

    def reserve(self, count: int) -> None:
        """Makes room for `count` more tokens."""
        self._rows.reserve(count)

    def keep(self, chosen: Sequence[Tensor]) -> None:
        """Leaves only the chosen entries of each row, ascending indices, and frees the rest."""
        if all(len(index) == length for index, length in zip(chosen, self._rows.lengths, strict=True)):
            return
        self._rows.keep(chosen)
        if self.whole:
            self._rows.add_column([(index[:, None] + self.first).to(torch.int32) for index in chosen])
            self.whole = False

    def forget_before(self, position: int) -> None:
        """Drops the entries of consecutive tokens that lie before a position; what is left is still consecutive."""
        drop = position - self.first
        if drop > 0:
            rest = torch.arange(drop, self._rows.lengths[0], device=self._device)
            self._rows.keep([rest] * self.heads)
            self.first = position

    def groups(self) -> Iterator[Group]:
        """The rows, as few even groups as there are."""
        for heads, columns in self._rows.groups():
            parts = self._key_parts
            yield Group(
                heads=heads,
                length=columns[0].shape[1],
                form=self.form,
                dtype=self._dtype,
                key_columns=tuple(columns[:parts]),
                value_columns=tuple(columns[parts : 2 * parts]),
                position_column=None if self.whole else columns[-1],
                first=self.first,
            )

    def fork(self, ledger: Ledger) -> LayerStore:
        """The same entries for a second session, copied only when one of the two writes."""
        twin = LayerStore(self.heads, self.form, ledger)
        twin.seen, twin.first, twin.whole = self.seen, self.first, self.whole
        twin._rows = self._rows.fork(ledger)
        twin._key_parts, twin._dtype, twin._device = self._key_parts, self._dtype, self._device
        return twin

    def release(self) -> None:
        """Gives all memory back."""
        self._rows.release()
        self.seen, self.first, self.whole = 0, 0, True
