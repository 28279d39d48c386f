"""What several tiers hold of the same rows, put together."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from longspan.kernels.decoding import OpenRow
from longspan.store.group import Group
from longspan.store.rows import Rows


def opened(rows: Rows, shared: Rows | None, window: int | None) -> list[OpenRow]:
    """Rows with room for one more entry. shared: those that lie before them, None for none; window as in `open`."""
    before = [(0, 0, 0)] * rows.rows
    if shared is not None:
        before = [(keys, values, length) for keys, values, *_, length in shared.begins]
    found = []
    for (keys, values, *places, length), first in zip(rows.begins, before, strict=True):
        seen = 0 if window is None else max(0, first[2] + length + 1 - window)
        found.append(OpenRow(keys, values, sum(places), length, seen, *first))
    return found


def vectors(parts: Sequence[Group], heads: int, longest: int) -> tuple[Tensor, Tensor]:
    """Keys and values `[heads, longest, dim]`, decoded, of groups that follow each other; short rows end with zeros."""
    if len(parts) == 1 and parts[0].heads == slice(0, heads):
        return parts[0].keys(), parts[0].values()
    first = parts[0]
    sample = first.keys(0, 1), first.values(0, 1)
    keys, values = (each.new_zeros(heads, longest, each.shape[-1]) for each in sample)
    ends = [0] * heads
    for group in parts:
        for head, key, value in zip(range(heads)[group.heads], group.keys(), group.values(), strict=True):
            place = slice(ends[head], ends[head] + group.length)
            keys[head, place], values[head, place] = key, value
            ends[head] = place.stop
    return keys, values
