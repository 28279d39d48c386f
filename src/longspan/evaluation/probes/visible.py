"""Which keys of a prompt a plan's pattern, policy or selector lets each of the last queries see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from longspan.evaluation.probes.full_pass import FullPass
from longspan.patterns.base import Pattern, PatternView
from longspan.patterns.recall import pairs
from longspan.plan import Plan
from longspan.running.attention_state import AttentionState
from longspan.running.placed import PlacedTokens, turned
from longspan.running.reader import Reader, chunk_ends
from longspan.running.view import ranks
from longspan.selectors.base import Chosen, Selector, Visit
from longspan.store.group import Group


def visited(full: FullPass, pattern: Pattern, layer: int) -> Tensor:
    """What a pattern visits, as it would when it reads the last chunk: bool `[heads, queries, n]`."""
    rows = min(full.chunk, full.count)
    query = full.query(layer, rows)

    def weights(some: slice) -> Tensor:
        start, stop, _ = some.indices(rows)
        return full.weights(layer, rows - start)[:, : stop - start]

    index = pattern.index(
        PatternView(
            scene=full.scene(layer),
            query=query,
            key=full.turned_keys(layer),
            weights=weights,
            pieces=len(full.placed(layer, rows).pieces),
            state=pattern.state(),
        )
    )
    last = torch.arange(rows - full.queries, rows, device=query.device)
    mask = torch.zeros(len(query), full.queries, full.count, dtype=torch.bool, device=query.device)
    for some, given in pairs(index, last, count=rows, keys=full.count, at_a_time=full.count):
        place = some - last[0]
        mask[:, place, : given.shape[-1]] = given.repeat_interleave(len(query) // len(given), 0)
    return mask.tril_(full.count - full.queries)


def kept(full: FullPass, ids: Sequence[int]) -> list[AttentionState]:
    """What the policy of the reading leaves of the prompt, as `Session.fork` or, with when=chunk, `Session.read`."""
    policy = full.reader.plan.policy
    if policy is None or policy.when == "end":
        return full.reader.compressed()
    return _read(full.reader.again(chunk=full.chunk), ids, full.chunk, acts=True)


def left(full: FullPass, plan: Plan, ids: Sequence[int]) -> list[AttentionState]:
    """The prompt as each layer holds it where tokens leave on their way, as `Session.read` has them leave."""
    return _read(full.reader.again(plan, length=full.count), ids, full.chunk)


def _read(reader: Reader, ids: Sequence[int], chunk: int, *, acts: bool = False) -> list[AttentionState]:
    for _ in reader.read(ids, chunk_ends(len(ids), chunk), acts=acts):
        pass
    return reader.layers


def seen_in(full: FullPass, state: AttentionState, selector: Selector | None, layer: int) -> Tensor:
    """What the last queries see of a layer's entries, all or those that a selector chooses for each of them.

    Returns bool `[heads, queries, n]`. Queries come in their order, each as if it were the one being decoded.
    Raises ValueError for a selector that needs the surprise of tokens, which is not measured here.
    """
    if selector is not None and selector.surprised:
        raise ValueError(
            f"{type(selector).__name__} needs the surprise of every token, which a probe does not gather; "
            "compare it with `longspan eval` instead"
        )
    placed, raw = full.placed(layer, full.queries), full.raw_query(layer, full.queries)
    query = placed.turned(raw, layer)[-1]
    mask = torch.zeros(*query.shape[:2], full.count, dtype=torch.bool, device=query.device)
    if selector is not None and selector.skips(layer, len(full.reader.layers)):
        selector = None
    shared, scene = len(query) // state.store.heads, full.scene(layer)
    for group in state.store.groups():
        heads = slice(group.heads.start * shared, group.heads.stop * shared)
        positions = group.positions().repeat_interleave(shared, 0)
        if selector is None:
            mask[heads] |= torch.zeros_like(mask[heads, 0]).scatter_(1, positions, True)[:, None]
            continue
        summary = selector.summary()
        for row in range(full.queries):
            entries = int((positions <= full.count - full.queries + row).sum(1).max())
            visit = Visit(
                scene=replace(scene, seen=full.count - full.queries + row + 1, notes=full.notes[row]),
                query=query[heads, row : row + 1],
                entries=entries,
                start=full.count - full.queries + row,
                keys=partial(_turned, group, placed),
                raw=group.keys,
                placed=None
                if placed.key_map is not None
                else partial(_moved, placed, raw[heads, row : row + 1]),
                positions=lambda group=group, entries=entries: group.positions()[:, :entries],  # type: ignore[misc]
            )
            summary.extend(visit)
            chosen = summary.select(visit)
            places = positions[:, :entries] if chosen is None else _chosen(chosen, positions)
            mask[heads, row] = mask[heads, row].scatter(1, places, True)
    return mask


def _turned(group: Group, placed: PlacedTokens, start: int, stop: int) -> Tensor:
    """Keys as the farthest piece turns them, by which a selector chooses."""
    keys = group.keys(start, stop)
    if placed.key_map is not None:
        return keys
    places = group.positions()[:, start:stop]
    if placed.by_rank:
        places = ranks([group.length], group.length, placed.end, keys.device)[:, start:stop]
    return turned(keys, placed.turn(placed.pieces[-1].keys, places))


def _moved(placed: PlacedTokens, raw: Tensor, first: int | None) -> Tensor:
    """One query as if it stood at a position, or not turned for None."""
    return raw if first is None else turned(raw, placed.query_turn(torch.tensor([first], device=raw.device)))


def _chosen(chosen: Chosen, positions: Tensor) -> Tensor:
    """Positions of chosen entries; places beyond a head's count repeat its first."""
    index = chosen.index
    if chosen.counts is not None:
        beyond = torch.arange(index.shape[1], device=index.device) >= chosen.counts[:, None]
        index = torch.where(beyond, index[:, :1], index)
    return positions.gather(1, index)
