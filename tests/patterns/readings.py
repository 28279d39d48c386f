"""Readings for patterns to look at, and what their indices mean, pair by pair."""

import pytest
import torch
from torch.testing import assert_close

from longspan.kernels import naive
from longspan.kernels.block_index import BlockIndex
from longspan.kernels.blocks import attend_blocks
from longspan.patterns.base import Pattern, PatternView
from scenes import staged


def reading(rows, keys, *, kv_heads=2, group=2, dim=8, seed=0, dtype=torch.float32, **more) -> PatternView:
    """Random queries and keys."""
    generator = torch.Generator().manual_seed(seed)
    return PatternView(
        query=torch.randn(kv_heads * group, rows, dim, generator=generator).to(dtype),
        key=torch.randn(kv_heads, keys, dim, generator=generator).to(dtype),
        weights=lambda _: pytest.fail("this pattern does not look at weights"),
        **staged({"scale": 0.3} | more),
    )


def listed(visits) -> list[list[list[int]]]:
    """The numbers of each head and query block without the −1 behind them."""
    return [[[visit for visit in row if visit >= 0] for row in head] for head in visits.tolist()]


def bias_of(index: BlockIndex, reading: PatternView) -> torch.Tensor:
    """What is added to the score of each pair, −∞ where it is not visited: `[heads, rows, keys]`. Fails for one
    that is visited twice."""
    heads, rows, keys = len(reading.query), reading.query.shape[1], reading.key.shape[1]
    visited = {}

    def visit(head, row, key, bonus=0.0):
        assert (head, row, key) not in visited, "a pair is visited twice"
        visited[head, row, key] = bonus

    def of(tensor, head):
        return tensor[head * len(tensor) // heads].tolist()

    width = index.width or index.block
    for head in range(heads):
        visits = of(index.visits, head)
        columns = None if index.columns is None else of(index.columns, head)
        for row in range(rows):
            own = (keys - rows + row) // index.block
            seen = list(range(own * index.block, keys - rows + row + 1))
            for block in visits[own - index.first]:
                seen += range(block * width, (block + 1) * width) if block >= 0 else []
            if columns is not None:
                seen += [column for column in columns[own - index.first] if column >= 0]
            for key in seen:
                visit(head, row, key)
        for bundle in index.bundles:
            bonus = of(torch.zeros(bundle.columns.shape) if bundle.bonus is None else bundle.bonus, head)
            for members, named, extra in zip(
                of(bundle.rows, head), of(bundle.columns, head), bonus, strict=True
            ):
                for row in members:
                    for key, more in zip(named, extra, strict=True):
                        if key >= 0:
                            visit(head, row, key, more)
    bias = torch.full((heads, rows, keys), -torch.inf)
    bias[tuple(map(list, zip(*visited, strict=True)))] = torch.tensor(list(visited.values()))
    return bias


def check_dense(pattern: Pattern, reading: PatternView) -> None:
    """With this pattern attention is causal and exact, and no pair is visited twice."""
    value = torch.randn(reading.key.shape)
    index = pattern.index(reading)
    merge = attend_blocks(reading.query, reading.key, value, index, scale=reading.scene.softmax.scale)
    rows, keys = reading.query.shape[1], reading.key.shape[1]
    mask = torch.arange(keys) <= torch.arange(keys - rows, keys)[:, None]
    assert torch.equal(bias_of(index, reading) == 0, mask.expand(len(reading.query), -1, -1))
    expected = naive.attention(
        reading.query, reading.key, value, scale=reading.scene.softmax.scale, mask=mask
    )
    assert_close(merge.result(torch.float32), expected, atol=2e-6, rtol=1e-5)
