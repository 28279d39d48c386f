"""Vertical and slash lines, against loops."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pattern_twins import random_reading, reading_of
from torch.testing import assert_close

from longspan.patterns import lines
from longspan.patterns.base import PatternView
from longspan.patterns.flexprefill import FlexPrefill
from longspan.patterns.hip import HiP
from longspan.patterns.lines import line_sums, slash_blocks
from longspan.patterns.minference import MInference
from longspan.patterns.xattention import XAttention
from scenes import scene

HEADS = 3


def reading(rows, keys, seed=0):
    """A reading with any weights at all, causal."""
    weights = torch.rand(HEADS, rows, keys, generator=torch.Generator().manual_seed(seed)).tril(keys - rows)
    return weights, PatternView(
        query=torch.zeros(HEADS, rows, 4),
        key=torch.zeros(1, keys, 4),
        scene=scene(),
        weights=lambda some: weights[:, some],
        pieces=2,
    )


@given(st.integers(1, 12), st.integers(0, 20), st.integers(1, 15), st.sampled_from([1, 100, 1 << 23]))
def test_weights_are_added_up_by_key_and_by_distance(rows, past, last, at_a_time):
    keys = rows + past
    weights, read = reading(rows, keys)
    vertical, slash = torch.zeros(HEADS, keys), torch.zeros(HEADS, keys)
    for row in range(max(0, rows - last), rows):
        for key in range(past + row + 1):
            vertical[:, key] += weights[:, row, key]
            slash[:, past + row - key] += weights[:, row, key]
    whole = lines._WEIGHTS
    lines._WEIGHTS = at_a_time
    try:
        assert_close(line_sums(read, last), (vertical, slash))
    finally:
        lines._WEIGHTS = whole


@pytest.mark.parametrize(
    ("dtype", "close"),
    [(torch.float32, {"atol": 1e-5, "rtol": 1e-4}), (torch.bfloat16, {"atol": 0.01, "rtol": 0.02})],
)
@pytest.mark.parametrize(("rows", "past", "sinks"), [(300, 0, None), (100, 200, 4.0), (5, 200, 0.0)])
def test_sums_from_queries_and_keys_are_those_from_weights(rows, past, sinks, dtype, close):
    random = random_reading(rows, past, dim=16, spread=4.0)
    learned = None if sinks is None else sinks + torch.arange(len(random.query)).float()
    one = reading_of(random.query.to(dtype), random.key.to(dtype), sinks=learned)
    for fast, plain in zip(line_sums(one, 64), line_sums(replace(one, pieces=2), 64), strict=True):
        assert_close(fast, plain, **close)


@given(
    st.integers(1, 40),
    st.integers(0, 40),
    st.sampled_from([(4, 4), (4, 2), (6, 1)]),
    st.integers(0, 999),
)
def test_a_slash_line_runs_through_the_blocks_of_its_pairs(rows, past, sizes, seed):
    (block, width), keys = sizes, rows + past
    lengths = torch.rand(HEADS, keys, generator=torch.Generator().manual_seed(seed)) < 0.1
    own = torch.arange(past // block, (keys - 1) // block + 1)
    key_blocks = -(-keys // width)
    found = slash_blocks(lengths, own, key_blocks, block, width)
    for head in range(HEADS):
        for number, o in enumerate(own.tolist()):
            met = set()
            for query in range(o * block, (o + 1) * block):
                for distance in lengths[head].nonzero().flatten().tolist():
                    if 0 <= query - distance < o * block:
                        met.add((query - distance) // width)
            assert found[head, number].nonzero().flatten().tolist() == sorted(met)


def _large(dtype):
    """Products of 99,000 and more, as some models have them, and beyond what fp16 can hold."""
    generator = torch.Generator().manual_seed(0)
    query = torch.randn(2, 64, 128, generator=generator) + 28
    key = torch.randn(1, 256, 128, generator=generator) + 28
    assert float((query @ key.mT).min()) > 90_000
    return PatternView(
        query=query.half().to(dtype),
        key=key.half().to(dtype),
        scene=scene(scale=128**-0.5),
        weights=lambda some: pytest.fail("one piece"),
    )


def test_products_beyond_fp16_are_judged_as_in_fp32():
    for half, single in zip(
        line_sums(_large(torch.float16), 64), line_sums(_large(torch.float32), 64), strict=True
    ):
        assert bool(half.isfinite().all())
        assert float(half.sum()) == pytest.approx(float(single.sum()), rel=0.02)
    half, single = (
        XAttention(stride=16, block=64).shares(_large(dtype)) for dtype in (torch.float16, torch.float32)
    )
    assert bool(half.isfinite().all())
    assert_close(half.sum(-1), single.sum(-1), rtol=0.02, atol=0)
    for pattern in (
        HiP(dense=0, k=64, window=0),
        FlexPrefill(block=64, minimum=64),
        MInference(patterns="vertical-slash"),
    ):
        index = pattern.index(_large(torch.float16))
        assert index.visits.numel()
