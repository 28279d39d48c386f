"""Readings whose weights are known, what an index gives pair by pair, and a choice by share, all as loops."""

from collections.abc import Callable

import torch

from longspan.kernels.block_index import BlockIndex
from longspan.patterns.base import PatternView
from scenes import scene


def dense_weights(query, key, scale, softcap=None, sinks=None) -> torch.Tensor:
    """Softmax weights fp32 `[heads, n, m]` of the last n of m causal queries."""
    heads, rows, keys = query.shape[0], query.shape[1], key.shape[1]
    scores = query.float() @ key.float().repeat_interleave(heads // len(key), 0).mT * scale
    if softcap is not None:
        scores = softcap * (scores / softcap).tanh()
    later = torch.arange(keys) > torch.arange(keys - rows, keys)[:, None]
    scores = scores.masked_fill(later, -torch.inf)
    if sinks is None:
        return scores.softmax(-1)
    return torch.cat((scores, sinks[:, None, None].expand(-1, rows, 1)), -1).softmax(-1)[..., :-1]


def reading_of(query, key, *, scale=0.3, softcap=None, sinks=None, **facts) -> PatternView:
    """A reading whose weights are those of dense attention."""
    return PatternView(
        query=query,
        key=key,
        scene=scene(scale=scale, softcap=softcap, sinks=sinks, **facts),
        weights=lambda rows: dense_weights(query, key, scale, softcap, sinks)[:, rows],
    )


def random_reading(rows, past, *, kv_heads=2, group=2, dim=8, seed=0, spread=1.0, **more) -> PatternView:
    """Random queries and keys; the larger `spread`, the sharper attention."""
    generator = torch.Generator().manual_seed(seed)
    query = torch.randn(kv_heads * group, rows, dim, generator=generator) * spread
    return reading_of(query, torch.randn(kv_heads, past + rows, dim, generator=generator), **more)


def visible(index: BlockIndex, heads: int, rows: int, keys: int) -> torch.Tensor:
    """Which pairs the index gives: bool `[heads, rows, keys]`."""
    seen = torch.zeros(heads, rows, keys, dtype=torch.bool)
    width = index.width or index.block

    def of(tensor, head):
        return tensor[head * len(tensor) // heads].tolist()

    for head in range(heads):
        for row in range(rows):
            place = keys - rows + row
            own = place // index.block
            seen[head, row, own * index.block : place + 1] = True
            for block in of(index.visits, head)[own - index.first]:
                if block >= 0:
                    seen[head, row, block * width : (block + 1) * width] = True
            if index.columns is not None:
                for column in of(index.columns, head)[own - index.first]:
                    if column >= 0:
                        seen[head, row, column] = True
        for bundle in index.bundles:
            for members, columns in zip(of(bundle.rows, head), of(bundle.columns, head), strict=True):
                for row in members:
                    for column in columns:
                        if column >= 0:
                            seen[head, row, column] = True
    return seen


def fewest(weights: list[float], share: float, sure: Callable[[int], bool] = lambda _: False) -> set[int]:
    """The sure ones, and the largest others until all together hold the share."""
    taken = {number for number in range(len(weights)) if sure(number)}
    for number in sorted(range(len(weights)), key=lambda n: -weights[n]):
        if sum(weights[n] for n in taken) >= share * sum(weights):
            break
        taken.add(number)
    return taken
