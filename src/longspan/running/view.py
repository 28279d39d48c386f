"""What a policy's scorer and its tracker get to see of a layer."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import pad

from longspan.kernels.rotation import Table
from longspan.policies.tracker import Tracking
from longspan.policies.view import View
from longspan.running.placed import PlacedTokens, stored_map, turned
from longspan.running.sequence import Sequence
from longspan.scene import Scene


def last_queries(sequence: Sequence, scene: Scene, observed: int, tracking: Tracking | None = None) -> View:
    """The layer of a scene with the last queries that are remembered, at most `observed` of them."""
    queries, seam = sequence.layers[scene.layer].observed(observed), sequence.engine.seam
    if queries is None:
        facts = seam.layers[scene.layer]
        queries = torch.empty(facts.heads, 0, facts.head_dim, device=seam.device)
    return view_of(sequence, scene, queries, start=scene.seen - queries.shape[1], tracking=tracking)


def view_of(
    sequence: Sequence,
    scene: Scene,
    queries: Tensor,
    *,
    start: int,
    tracking: Tracking | None = None,
    fresh: tuple[Tensor, Tensor] | None = None,
) -> View:
    """The layer of a scene with the given raw queries at positions from `start` on, and what `tracking` gathered.

    fresh: keys, rotated unless stored raw, and values of tokens that are not stored, at the queries' positions.
    Where the positions have several pieces, queries and keys are turned as in the farthest.
    """
    engine, memory = sequence.engine, sequence.layers[scene.layer]
    device, count, raw = queries.device, queries.shape[1], engine.raw
    scheme, rope = sequence.positions(start + count), sequence.rope(scene.layer, start + count)
    keys, values = memory.store.vectors()
    positions, lengths = memory.store.positions().to(device), memory.store.lengths
    places = ranks(lengths, positions.shape[1], scene.seen, device) if scheme.by_rank else positions
    if fresh is not None:
        keys, values, positions, places, lengths = _with(
            keys, values, positions, places, lengths, fresh, start
        )
    stored_raw = stored_map(scheme, rope, raw=raw) is None
    if count or stored_raw:
        placed = PlacedTokens(scheme, rope, None, start, max(1, count), device, raw=raw)
        if stored_raw:
            keys = turned(keys, placed.turn(placed.pieces[-1].keys, places))
        if count:
            queries = placed.turned(queries, scene.layer)[-1]

    def turn(places: Tensor) -> Table | None:
        ahead = PlacedTokens(scheme, rope, None, int(places[0]), len(places), device, raw=raw)
        return ahead.pieces[-1].query_turn

    return View(
        scene=scene,
        keys=keys,
        values=values,
        positions=positions,
        lengths=lengths,
        queries=queries,
        query_positions=torch.arange(start, start + count, device=device),
        following=partial(engine.seam.output, scene.layer),
        turn=turn,
        tracker=memory.trackers.get(tracking) if tracking is not None else None,
        allocation=memory.allocation,
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
