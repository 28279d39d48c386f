"""What a policy's scorer and its tracker get to see of a layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from longspan.kernels.rotation import Table
from longspan.policies.tracker import Tracking
from longspan.policies.view import View
from longspan.positions.base import Positions, Rope
from longspan.running.attention_state import AttentionState
from longspan.running.placed import PlacedTokens, stored_map, turned
from longspan.seam.seam import Seam


@dataclass(frozen=True, kw_only=True)
class Viewer:
    """Makes views of layers, under the positions of their sequence. raw: whether codecs want keys unrotated.

    full_layers: those that the plan's parts act in.
    """

    seam: Seam
    raw: bool
    profile: Callable[[str], Tensor]
    full_layers: tuple[int, ...]

    def last(
        self,
        memory: AttentionState,
        index: int,
        scheme: Positions,
        *,
        rope: Rope,
        seen: int,
        observed: int,
        tracking: Tracking | None = None,
        rounds: list[int] | None = None,
        asked: range = range(0),
    ) -> View:
        """A layer with the last queries that are remembered, at most `observed` of them."""
        queries = memory.observed(observed)
        layer = self.seam.layers[index]
        if queries is None:
            queries = torch.empty(layer.heads, 0, layer.head_dim, device=self.seam.device)
        return self.of(
            memory,
            index,
            scheme,
            queries,
            rope=rope,
            start=seen - queries.shape[1],
            seen=seen,
            tracking=tracking,
            rounds=rounds,
            asked=asked,
        )

    def of(
        self,
        memory: AttentionState,
        index: int,
        scheme: Positions,
        queries: Tensor,
        *,
        rope: Rope,
        start: int,
        seen: int,
        tracking: Tracking | None = None,
        rounds: list[int] | None = None,
        asked: range = range(0),
        fresh: tuple[Tensor, Tensor] | None = None,
    ) -> View:
        """A layer with the given raw queries at positions from `start` on.

        fresh: keys, rotated unless stored raw, and values of tokens that are not stored, at the queries' positions.
        Where a scheme has several pieces, queries and keys are turned as in the farthest.
        """
        layer, store = self.seam.layers[index], memory.store
        device, count = queries.device, queries.shape[1]
        keys, values = store.vectors()
        positions, lengths = store.positions().to(device), store.lengths
        places = ranks(lengths, positions.shape[1], seen, device) if scheme.by_rank else positions
        if fresh is not None:
            keys, values, positions, places, lengths = _with(
                keys, values, positions, places, lengths, fresh, start
            )
        stored_raw = stored_map(scheme, rope, raw=self.raw) is None
        if count or stored_raw:
            placed = PlacedTokens(scheme, rope, None, start, max(1, count), device, raw=self.raw)
            if stored_raw:
                keys = turned(keys, placed.turn(placed.pieces[-1].keys, places))
            if count:
                queries = placed.turned(queries, index)[-1]

        def turn(places: Tensor) -> Table | None:
            ahead = PlacedTokens(scheme, rope, None, int(places[0]), len(places), device, raw=self.raw)
            return ahead.pieces[-1].query_turn

        return View(
            keys=keys,
            values=values,
            positions=positions,
            lengths=lengths,
            queries=queries,
            query_positions=torch.arange(start, start + count, device=device),
            seen=seen,
            scale=layer.scale,
            layer=index,
            layers=len(self.seam.layers),
            softcap=layer.softcap,
            sinks=layer.sinks,
            output=self.seam.output(index),
            turn=turn,
            tracker=memory.trackers.get(tracking) if tracking is not None else None,
            allocation=memory.allocation,
            asked=range(asked.start, min(asked.stop, seen)),
            rounds=torch.tensor(rounds or [0], device=device),
            full_layers=self.full_layers,
            profile=self.profile,
        )


def ranks(lengths: list[int], width: int, end: int, device: torch.device) -> Tensor:
    """Where entries stand that lie in the cache without gaps, the last of each row at end − 1: `[rows, width]`."""
    first = end - torch.tensor(lengths, device=device)
    return first[:, None] + torch.arange(width, device=device)


def _with(
    keys: Tensor,
    values: Tensor,
    positions: Tensor,
    places: Tensor,
    lengths: list[int],
    fresh: tuple[Tensor, Tensor],
    start: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor, list[int]]:
    """Entries of tokens that are not stored, behind the end of each row."""
    count = fresh[0].shape[1]
    room = (0, 0, 0, count)
    keys, values = pad(keys, room), pad(values, room)
    positions, places = pad(positions, (0, count)), pad(places, (0, count))
    coming = torch.arange(start, start + count, device=positions.device)
    for row, length in enumerate(lengths):
        behind = slice(length, length + count)
        keys[row, behind], values[row, behind] = fresh[0][row], fresh[1][row]
        positions[row, behind] = places[row, behind] = coming
    return keys, values, positions, places, [length + count for length in lengths]
