"""Entries of one layer in one form, with their positions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from longspan.store.form import Form, Plain
from longspan.store.group import Group
from longspan.store.ledger import Ledger
from longspan.store.medium import MEMORY, Medium
from longspan.store.rows import Rows, RowsMark
from longspan.store.state import under

Name = Literal["coded", "recent", "demoted"]

Vectors = tuple[Tensor, Tensor, Tensor]
"""Keys and values `[n, dim]` and positions `[n]` of one row."""


class TierMark(NamedTuple):
    """What a tier held, for `rewind`."""

    rows: RowsMark
    form: Form
    first: int
    whole: bool
    key_parts: int
    parts: int
    dtype: torch.dtype


class StoreMark(NamedTuple):
    """What a store held, for `rewind`: its tiers and what each of them held."""

    seen: int
    tiers: list[tuple[Tier, TierMark] | None]

    @property
    def columns(self) -> list[Tensor]:
        """The memory in which what was held lies."""
        return [column for each in self.tiers if each is not None for column in each[1].rows.columns]


def cut(row: Vectors, start: int, stop: int) -> Vectors:
    """Some entries of a row."""
    keys, values, positions = row
    return keys[start:stop], values[start:stop], positions[start:stop]


class Tier:
    """One row per KV head. While entries are consecutive tokens, entry i is position first + i (`whole`)."""

    def __init__(
        self,
        heads: int,
        form: Form,
        ledger: Ledger,
        name: Name,
        *,
        medium: Medium = MEMORY,
        whole: bool = True,
    ) -> None:
        self.form, self.name = form, name
        self.first = 0
        self.whole = whole
        self.rows = Rows(heads, ledger, block=form.block, medium=medium)
        self._medium = medium
        self._key_parts = self._parts = 0
        self._dtype = torch.float32

    @property
    def lengths(self) -> list[int]:
        """Entries per row."""
        return self.rows.lengths

    def append(self, keys: Tensor, values: Tensor, positions: Tensor) -> None:
        """Adds n entries to every row. keys, values `[heads, n, dim]`, positions `[heads, n]` or `[n]`."""
        count = keys.shape[1]
        if count == 0:
            return
        heads = torch.arange(len(keys), device=keys.device)
        columns = self._encoded(keys, values, heads)
        if self.whole and self.lengths[0] == 0:
            self.first = int(positions.flatten()[0])
        if not self.whole:
            columns.append(positions.to(torch.int32).expand(len(keys), -1)[..., None])
        self.rows.append(columns)

    def open_to(self, dtype: torch.dtype) -> bool:
        """Whether entries lie here in memory as they are in this format, at least one in each row."""
        rows = self.rows
        return type(self.form) is Plain and self._dtype is dtype and not rows.untouched and all(rows.lengths)

    def extend(self, rows: Sequence[Vectors]) -> None:
        """Adds to each row entries of its own number; the tier is not whole afterwards."""
        self.spell_out()
        encoded = []
        for head, (keys, values, positions) in enumerate(rows):
            number = torch.tensor([head], device=keys.device)
            columns = self._encoded(keys[None], values[None], number)
            encoded.append([column[0] for column in columns] + [positions.to(torch.int32)[:, None]])
        self.rows.extend(encoded)

    def keep(self, chosen: Sequence[Tensor]) -> None:
        """Leaves only the chosen entries of each row. For forms that encode entries one by one."""
        self.spell_out()
        self.rows.keep(chosen)

    def drop_first(self, counts: Sequence[int]) -> None:
        """Frees the first entries of each row, whole blocks of them."""
        if self.whole:
            self.first += counts[0]
        self.rows.drop_first(counts)

    def spell_out(self) -> None:
        """Stores positions from now on."""
        if self.whole:
            device = self.rows.device
            places = [
                torch.arange(self.first, self.first + length, dtype=torch.int32, device=device)[:, None]
                for length in self.lengths
            ]
            self.rows.add_column(places)
            self.whole = False

    def row(self, head: int, start: int = 0, stop: int | None = None) -> Vectors:
        """Some entries of one row, decoded."""
        for group in self.groups():
            if group.heads.start <= head < group.heads.stop:
                at = head - group.heads.start
                alone = group.only(at)
                return (
                    alone.keys(start, stop)[0],
                    alone.values(start, stop)[0],
                    alone.positions()[0, start:stop],
                )
        raise IndexError(f"head={head} is outside 0 .. {self.rows.rows - 1}")

    def groups(self) -> Iterator[Group]:
        """The rows, as few even groups as there are; none before the first entry."""
        if self.rows.untouched:
            return
        parts = self._key_parts
        for heads, length, columns in self.rows.groups():
            yield Group(
                heads=heads,
                length=length,
                form=self.form,
                dtype=self._dtype,
                key_columns=tuple(columns[:parts]),
                value_columns=tuple(columns[parts : self._parts]),
                position_column=None if self.whole else columns[-1],
                first=self.first,
                tier=self.name,
            )

    def fork(self, ledger: Ledger) -> Tier:
        """The same entries for a second owner."""
        twin = Tier(self.rows.rows, self.form.fork(), ledger, self.name, medium=self._medium)
        twin.first, twin.whole = self.first, self.whole
        twin.rows = self.rows.fork(ledger)
        twin._key_parts, twin._parts, twin._dtype = self._key_parts, self._parts, self._dtype
        return twin

    def mark(self) -> TierMark:
        """What is held now, without a copy of entries."""
        return TierMark(
            self.rows.mark(),
            self.form.fork(),
            self.first,
            self.whole,
            self._key_parts,
            self._parts,
            self._dtype,
        )

    def rewind(self, mark: TierMark) -> None:
        """Holds again what it held at a mark."""
        self.rows.rewind(mark.rows)
        self.form = mark.form.fork()
        _, _, self.first, self.whole, self._key_parts, self._parts, self._dtype = mark

    def tensors(self) -> dict[str, Tensor]:
        """What it holds, for `load`."""
        facts = [self.first, self.whole, self._key_parts, self._parts]
        held = {f"column{number}": column for number, column in enumerate(self.rows.filled())}
        held |= {f"form.{name}": tensor for name, tensor in self.form.tensors().items()}
        return held | {
            "facts": torch.tensor(facts),
            "lengths": torch.tensor(self.lengths),
            "dtype": torch.empty(0, dtype=self._dtype),
        }

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Takes back what `tensors` gave."""
        first, whole, self._key_parts, self._parts = tensors["facts"].tolist()
        self.first, self.whole = first, bool(whole)
        self._dtype = tensors["dtype"].dtype
        self.form.load(under("form", tensors))
        count = sum(name.startswith("column") for name in tensors)
        self.rows.refill([tensors[f"column{number}"] for number in range(count)], tensors["lengths"].tolist())

    def _encoded(self, keys: Tensor, values: Tensor, heads: Tensor) -> list[Tensor]:
        stored_keys, stored_values = self.form.encode(keys, values, heads)
        self._key_parts, self._parts = len(stored_keys), len(stored_keys) + len(stored_values)
        self._dtype = keys.dtype
        return [*stored_keys, *stored_values]
