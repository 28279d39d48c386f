"""Single generated tokens of several sequences, whose attention in a layer is one call over the rows of all of them."""

from __future__ import annotations

from collections import abc

import torch
from torch import Tensor

from longspan.kernels.decoding import OpenRow, attend_rows
from longspan.kernels.regions import with_sinks
from longspan.kernels.rotation import Table
from longspan.running.lane import Lane
from longspan.running.placed import PlacedTokens, turned
from longspan.seam.borrowing import Call

Turns = tuple[Table | None, Table | None]
"""How queries and keys are turned that stand side by side; None where a layer does not rotate."""


class Joined:
    """The joined tokens of a pass: what its layers share is made once."""

    def __init__(self) -> None:
        self._turns: dict[tuple[int, ...], Turns] = {}

    def attention(self, lanes: abc.Sequence[Lane], rows: abc.Sequence[list[OpenRow]], call: Call) -> Tensor:
        """`[heads, len(lanes), dim]` for one layer. rows: of each lane, open for its entry. call: of their tokens."""
        placed = [lane.placed(call.layer) for lane in lanes]
        query_turn, key_turn = self._turned(placed)
        out, lse = attend_rows(
            turned(sharpened(call, placed), query_turn),
            turned(call.key, key_turn),
            call.value,
            [row for each in rows for row in each],
            [each.start for each in placed],
            scale=call.softmax.scale,
            softcap=call.softmax.softcap,
        )
        for number, lane in enumerate(lanes):
            lane.stored(call.layer, call.query[:, number : number + 1])
        return with_sinks(out, lse, call.softmax.sinks)

    def _turned(self, placed: abc.Sequence[PlacedTokens]) -> Turns:
        kind = tuple(map(id, placed))
        if kind not in self._turns:
            queries = [each.pieces[0].query_turn for each in placed]
            keys = [each.own_turn(each.pieces[0].keys, 0, 1) for each in placed]
            self._turns[kind] = side_by_side(queries), side_by_side(keys)
        return self._turns[kind]


def side_by_side(tables: abc.Sequence[Table | None]) -> Table | None:
    """The rotations of single tokens, one after another; None where none is turned."""
    found = [each for each in tables if each is not None]
    if len(found) < 2:
        return found[0] if found else None
    cos, sin = torch.cat([each.cos for each in found]), torch.cat([each.sin for each in found])
    return Table(cos=cos, sin=sin, interleaved=found[0].interleaved)


def sharpened(call: Call, placed: abc.Sequence[PlacedTokens]) -> Tensor:
    """The queries, times what their positions multiply scores with."""
    factors = [each.query_scale(call.layer) for each in placed]
    if all(factor is None for factor in factors):
        return call.query
    one = torch.ones(1, device=call.query.device)
    each = torch.cat([one if factor is None else factor for factor in factors])
    return (call.query.float() * each[:, None]).to(call.query.dtype)
