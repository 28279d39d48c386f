"""XAttention, against loops over tiles."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pattern_twins import fewest, random_reading, reading_of
from readings import check_dense, listed
from torch.testing import assert_close

from longspan.errors import PlanError
from longspan.patterns.xattention import XAttention
from longspan.plan import Plan
from tiny import stock_logits, tiny_model, tokens


def shares(pattern, reading):
    """What each key block gets, tile by tile, as lists over heads and query blocks."""
    rows, keys, stride = reading.query.shape[1], reading.key.shape[1], pattern.stride
    past, group, softcap = keys - rows, reading.group, reading.scene.softmax.softcap

    def antidiagonal(head, a, b):
        total = 0.0
        for step in range(stride):
            i, j = a * stride + stride - 1 - step, b * stride + step
            if past <= i < keys and j < keys:
                total += float(reading.query[head, i - past] @ reading.key[head // group, j])
        score = total / stride * reading.scene.softmax.scale
        return score if softcap is None else softcap * math.tanh(score / softcap)

    first, last = past // pattern.block, (keys - 1) // pattern.block
    result = [[[0.0] * (last + 1) for _ in range(first, last + 1)] for _ in reading.query]
    for head in range(len(reading.query)):
        for a in range(past // stride, (keys - 1) // stride + 1):
            weights = torch.tensor([antidiagonal(head, a, b) for b in range(a + 1)]).softmax(0).tolist()
            for b, weight in enumerate(weights):
                result[head][a * stride // pattern.block - first][b * stride // pattern.block] += weight
    return result


@given(
    st.integers(1, 70),
    st.integers(0, 70),
    st.sampled_from([1, 2, 4, 8, 16]),
    st.sampled_from([0.0, 0.5, 0.9]),
    st.sampled_from([None, 1.5]),
    st.integers(0, 999),
)
def test_the_fewest_blocks_that_hold_the_threshold(rows, past, stride, threshold, softcap, seed):
    pattern = XAttention(stride=stride, threshold=threshold, block=16)
    reading = random_reading(rows, past, kv_heads=1, seed=seed, spread=4.0, softcap=softcap)
    expected = shares(pattern, reading)
    assert_close(pattern.shares(reading), torch.tensor(expected), atol=1e-4, rtol=1e-4)
    first = past // 16
    chosen = [
        [
            sorted(fewest(weights, threshold, lambda n, own=first + b: n in (0, own)) - {first + b})
            for b, weights in enumerate(head)
        ]
        for head in expected
    ]
    index = pattern.index(reading)
    assert (index.block, index.width or index.block, index.first) == (16, 16, first)
    assert listed(index.visits) == chosen


def test_heads_have_thresholds_of_their_own_in_each_layer(tmp_path):
    path = tmp_path / "thresholds.txt"
    path.write_text("0.1 0.2 0.3 0.4\n\n0.0 0.5 0.9 1.0\n")
    pattern, first = XAttention(stride=4, block=16, thresholds=str(path)), 1
    for layer, numbers in enumerate(([0.1, 0.2, 0.3, 0.4], [0.0, 0.5, 0.9, 1.0])):
        reading = random_reading(70, 20, kv_heads=2, seed=layer, spread=4.0, layer=layer, layers=2)
        expected = [
            [
                sorted(fewest(weights, threshold, lambda n, own=first + b: n in (0, own)) - {first + b})
                if threshold < 1
                else list(range(first + b))
                for b, weights in enumerate(head)
            ]
            for head, threshold in zip(shares(pattern, reading), numbers, strict=True)
        ]
        assert listed(pattern.index(reading).visits) == expected
    with pytest.raises(PlanError, match="are of 2 layers with 4 heads, this model has 3 with 4"):
        pattern.index(random_reading(70, 20, kv_heads=2, layers=3))
    for text, reason in (
        ("0.5 1.5", "thresholds=1.5 is outside 0.0 .. 1.0"),
        ("0.5\n0.5 1", "unequal length"),
    ):
        path.with_name(f"{len(text)}.txt").write_text(text)
        with pytest.raises(ValueError, match=reason):
            XAttention(thresholds=str(path.with_name(f"{len(text)}.txt")))
    with pytest.raises(
        PlanError, match=r"thresholds='nowhere' has no table of numbers.*give the path of a file"
    ):
        Plan.parse("pattern=xattention(thresholds=nowhere)")


def test_an_antidiagonal_meets_every_key_once():
    """A key that all queries look for is found wherever it stands."""
    for place in range(16, 32):
        query, key = torch.ones(1, 16, 4), torch.zeros(1, 80, 4)
        key[0, place] = 60.0
        for stride in (4, 8, 16):
            index = XAttention(stride=stride, block=16).index(reading_of(query, key, scale=1.0))
            assert listed(index.visits) == [[[0, 1]]]


@pytest.mark.parametrize(("rows", "past"), [(100, 0), (37, 50), (1, 63)])
def test_threshold_one_is_dense_attention(rows, past):
    check_dense(XAttention(threshold=1.0, stride=4, block=16), random_reading(rows, past))


def test_a_long_reading_in_bf16_chooses_as_in_fp32():
    reading = random_reading(512, 512, kv_heads=1, dim=16, spread=3.0)
    half = reading_of(reading.query.bfloat16(), reading.key.bfloat16())
    pattern = XAttention(stride=8, block=64)
    assert_close(pattern.shares(half), pattern.shares(reading), atol=0.1, rtol=0)


def test_looking_at_few_tiles_at_a_time_changes_nothing(monkeypatch):
    reading = random_reading(100, 30, spread=3.0)
    whole = XAttention(stride=4, block=16).shares(reading)
    monkeypatch.setattr("longspan.patterns.xattention._WEIGHTS", 1 << 10)
    assert_close(XAttention(stride=4, block=16).shares(reading), whole)


@pytest.mark.parametrize("chunk", [7, 50, 2048])
def test_a_session_with_threshold_one_is_the_stock_model(chunk):
    model, ids = tiny_model(), tokens(150)
    with model.session("pattern=xattention(threshold=1,stride=4,block=16)", chunk=chunk) as session:
        assert_close(session.logits(ids), stock_logits(model.network, ids), atol=1e-5, rtol=0)


def test_a_session_with_a_low_threshold_reads_something_else():
    model, ids = tiny_model(), tokens(150)
    with model.session("pattern=xattention(threshold=0.1,stride=4,block=16)") as session:
        assert not torch.allclose(session.logits(ids), stock_logits(model.network, ids), atol=1e-3)


def test_a_stride_that_does_not_divide_the_block_is_refused():
    with pytest.raises(ValueError, match="stride=7 does not divide block=128"):
        XAttention(stride=7)
