"""What patterns have in common, against loops."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from longspan.patterns.base import PatternView
from longspan.patterns.choosing import (
    causal_blocks,
    columns_of,
    covering,
    highest,
    own_blocks,
    packed,
    pooled,
    pooled_scores,
    visits_of,
)
from scenes import scene

seeds = st.integers(0, 999)


def reading(rows, keys, *, group=2, kv_heads=2, dim=4, seed=0, softcap=None):
    generator = torch.Generator().manual_seed(seed)
    return PatternView(
        query=torch.randn(kv_heads * group, rows, dim, generator=generator),
        key=torch.randn(kv_heads, keys, dim, generator=generator),
        scene=scene(scale=0.5, softcap=softcap),
        weights=lambda _: pytest.fail("nothing here looks at weights"),
    )


@given(st.integers(1, 20), st.integers(0, 20), st.integers(1, 7), st.sampled_from([1, 2, 4]))
def test_blocks_lie_before_a_query_block_when_all_their_keys_do(rows, past, width, parts):
    block, keys = width * parts, rows + past
    own = own_blocks(reading(rows, keys), block)
    assert own.tolist() == sorted({position // block for position in range(past, keys)})
    key_blocks = -(-keys // width)
    expected = [[(b + 1) * width <= o * block for b in range(key_blocks)] for o in own.tolist()]
    assert causal_blocks(own, key_blocks, parts).tolist() == expected


@given(st.integers(1, 20), st.integers(0, 20), st.integers(1, 7))
def test_a_block_is_pooled_to_the_mean_of_its_rows(rows, start, block):
    x = torch.randn(2, rows, 3)
    members = {}
    for row in range(rows):
        members.setdefault((start + row) // block, []).append(row)
    expected = torch.stack([x[:, rows].mean(1) for _, rows in sorted(members.items())], 1)
    assert_close(pooled(x, block, start), expected)


def test_pooling_half_precision_adds_in_full():
    x = torch.ones(1, 4096, 1, dtype=torch.bfloat16)
    x[0, 0] = 3
    assert_close(pooled(x, 4096), torch.tensor([[[1 + 2 / 4096]]]))


@pytest.mark.parametrize("softcap", [None, 1.0])
def test_pooled_scores_are_those_of_mean_vectors(softcap):
    read = reading(9, 14, softcap=softcap)
    scores = pooled_scores(read, 4)
    assert scores.shape == (4, 3, 4)
    for head in range(4):
        for number, own in enumerate((1, 2, 3)):
            first, last = max(own * 4 - 5, 0), own * 4 + 4 - 5
            for b in range(4):
                score = read.query[head, first:last].mean(0) @ read.key[head // 2, b * 4 : b * 4 + 4].mean(0)
                score = score * 0.5
                score = score if softcap is None else softcap * torch.tanh(score / softcap)
                assert_close(scores[head, number, b], score)


@given(st.integers(1, 12), st.integers(0, 14), seeds)
def test_the_highest_allowed_ones(n, count, seed):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.rand(3, n, generator=generator)
    allowed = torch.rand(3, n, generator=generator) < 0.6
    for row, score, may in zip(
        highest(scores, count, allowed), scores.tolist(), allowed.tolist(), strict=True
    ):
        order = sorted((i for i in range(n) if may[i]), key=lambda i: -score[i])
        assert row.nonzero().flatten().tolist() == sorted(order[:count])


def test_each_row_has_its_own_number():
    scores = torch.tensor([[3.0, 1.0, 2.0], [3.0, 1.0, 2.0], [3.0, 1.0, torch.inf]])
    chosen = highest(scores, torch.tensor([[2], [0], [1]]), torch.tensor([True, True, True]))
    assert chosen.tolist() == [[True, False, True], [False, False, False], [False, False, True]]


@given(st.integers(1, 12), st.sampled_from([0.0, 0.3, 0.9, 1.0]), seeds)
def test_the_fewest_that_hold_a_share(n, share, seed):
    generator = torch.Generator().manual_seed(seed)
    weights = torch.rand(3, n, generator=generator)
    allowed = torch.rand(3, n, generator=generator) < 0.6
    for row, weight, may in zip(
        covering(weights, share, allowed), weights.tolist(), allowed.tolist(), strict=True
    ):
        order = sorted((i for i in range(n) if may[i]), key=lambda i: -weight[i])
        total, held, taken = sum(weight[i] for i in order), 0.0, []
        while order and (share == 1 or held < share * total):
            taken.append(order.pop(0))
            held += weight[taken[-1]]
        assert row.nonzero().flatten().tolist() == sorted(taken)


def test_a_full_share_has_all_even_those_without_weight():
    weights, allowed = torch.tensor([[1.0, 0.0, 1e-12, 0.5]]), torch.tensor([True, True, True, False])
    assert covering(weights, 1, allowed).tolist() == [[True, True, True, False]]
    assert covering(weights, 0.5, allowed).tolist() == [[True, False, False, False]]


@given(st.integers(1, 3), st.integers(0, 4), st.integers(0, 9), seeds)
def test_visits_are_the_numbers_of_the_chosen(h, rows, n, seed):
    chosen = torch.rand(h, rows, n, generator=torch.Generator().manual_seed(seed)) < 0.4
    visits = visits_of(chosen)
    assert visits.dtype == torch.int64
    most = max((sum(row) for head in chosen.tolist() for row in head), default=0)
    for head, head_visits in zip(chosen.tolist(), visits.tolist(), strict=True):
        for row, row_visits in zip(head, head_visits, strict=True):
            numbers = [b for b in range(n) if row[b]]
            assert row_visits == numbers + [-1] * (most - len(numbers))


@given(
    st.integers(1, 20), st.integers(0, 20), st.sampled_from([(4, 0), (4, 2), (6, 3)]), st.booleans(), seeds
)
def test_columns_are_the_keys_that_no_block_covers(rows, past, sizes, per_block, seed):
    (block, width), keys = sizes, rows + past
    generator = torch.Generator().manual_seed(seed)
    own = own_blocks(reading(rows, keys), block)
    width_or_block = width or block
    key_blocks = -(-keys // width_or_block)
    chosen = torch.rand(2, len(own), key_blocks, generator=generator) < 0.4
    shape = (2, len(own), keys) if per_block else (2, keys)
    wanted = torch.rand(shape, generator=generator) < 0.5
    listed = packed(torch.arange(keys), wanted)
    columns = columns_of(listed, chosen, own, block, width)
    for head in range(2):
        for number, o in enumerate(own.tolist()):
            row = wanted[head, number] if per_block else wanted[head]
            expected = [
                key
                for key in range(keys)
                if row[key] and key < o * block and not chosen[head, number, key // width_or_block]
            ]
            assert [key for key in columns[head, number].tolist() if key >= 0] == expected
            assert columns[head, number, : len(expected)].tolist() == expected
