"""FlexPrefill, against the paper's two algorithms in loops."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pattern_twins import dense_weights, fewest, random_reading, reading_of
from readings import check_dense, listed

from longspan.patterns.flexprefill import FlexPrefill
from tiny import stock_logits, tiny_model, tokens


def softmax(scores):
    return torch.tensor(scores, dtype=torch.float64).softmax(0).tolist()


def visits(pattern, reading):
    """The visits of each head and query block, and which heads trust the estimate."""
    rows, keys, block = reading.query.shape[1], reading.key.shape[1], pattern.block
    past, blocks = keys - rows, math.ceil(keys / block)
    first, least = past // block, math.ceil(pattern.minimum / block)
    scale, softcap = reading.scene.softmax.scale, reading.scene.softmax.softcap
    weights = dense_weights(reading.query, reading.key, scale, softcap).tolist()
    last = range(max(0, rows - block), rows)
    result, trusting = [], []

    def score(query, key):
        value = float(query @ key) * scale
        return value if softcap is None else softcap * math.tanh(value / softcap)

    for head in range(len(reading.query)):
        key = reading.key[head // reading.group]
        mean_keys = [key[b * block : (b + 1) * block].mean(0) for b in range(blocks)]
        vertical, slash = [0.0] * keys, [0.0] * keys
        for row in last:
            for j in range(past + row + 1):
                vertical[j] += weights[head][row][j] / len(last)
                slash[past + row - j] += weights[head][row][j] / len(last)
        true = [sum(vertical[b * block : (b + 1) * block]) for b in range(blocks)]
        estimate = softmax([score(reading.query[head, last].mean(0), mean) for mean in mean_keys])
        divergence = 0.0
        for p, q in zip(true, estimate, strict=True):
            divergence += p / 2 * math.log(2 * p / (p + q)) if p else 0
            divergence += q / 2 * math.log(2 * q / (p + q)) if q else 0
        trusts = math.sqrt(divergence) < pattern.tau
        trusting.append(trusts)

        def lines(sums, trusts=trusts):
            count = max(least, len(fewest(sums, pattern.gamma)) // block + 1)
            by_block = [sum(sums[b * block : (b + 1) * block]) for b in range(blocks)]
            ranked = sorted(range(1, blocks), key=lambda b: -by_block[b])
            return {0, *ranked[: (least if trusts else count) - 1]}

        columns, distances = lines(vertical), lines(slash)
        chosen = {
            (i, j) for i in range(first, blocks) for j in range(i) if j in columns or i - j in distances
        }
        if trusts:
            flat = {}
            for i in range(first, blocks):
                query = reading.query[head, max(0, i * block - past) : (i + 1) * block - past].mean(0)
                for j, weight in enumerate(softmax([score(query, mean) for mean in mean_keys[: i + 1]])):
                    flat[i, j] = weight
            pairs = list(flat)
            chosen |= {pairs[n] for n in fewest(list(flat.values()), pattern.gamma)}
        result.append([sorted(j for i, j in chosen if i == own and j < own) for own in range(first, blocks)])
    return result, trusting


@given(
    st.integers(2, 100),
    st.integers(0, 60),
    st.sampled_from([0.3, 0.8, 0.95]),
    st.sampled_from([0.0, 0.2, 1.0]),
    st.sampled_from([1, 20, 48]),
    st.sampled_from([None, 1.5]),
    st.integers(0, 999),
)
def test_blocks_are_those_of_the_algorithms(rows, past, gamma, tau, minimum, softcap, seed):
    pattern = FlexPrefill(gamma=gamma, tau=tau, minimum=minimum, block=16)
    reading = random_reading(rows, past, seed=seed, spread=4.0, softcap=softcap)
    index = pattern.index(reading)
    assert (index.block, index.width or index.block, index.first) == (16, 16, past // 16)
    if rows + past <= max(32, math.ceil(minimum / 16) * 16):
        everything = [list(range(own)) for own in range(past // 16, math.ceil((past + rows) / 16))]
        assert listed(index.visits.expand(4, -1, -1)) == [everything] * 4
    else:
        assert listed(index.visits) == visits(pattern, reading)[0]


def test_one_head_trusts_the_estimate_and_another_does_not():
    """Queries of the first head look for whole blocks, those of the second for single keys."""
    generator = torch.Generator().manual_seed(0)
    topic = torch.randn(10, 8, generator=generator).repeat_interleave(16, 0)
    query = torch.stack((topic.roll(80, 0), 10 * torch.randn(160, 8, generator=generator)))
    key = torch.stack((topic, torch.randn(160, 8, generator=generator)))
    reading = reading_of(query, key, scale=0.3)
    pattern = FlexPrefill(minimum=16, block=16)
    expected, trusting = visits(pattern, reading)
    assert trusting == [True, False]
    assert listed(pattern.index(reading).visits) == expected


def test_a_key_that_all_look_at_and_a_distance_that_all_look_back_are_found():
    """Head 0 looks at key 37, head 1 always 83 tokens back."""
    keys, dim = 192, 64
    speed = torch.rand(dim // 2, generator=torch.Generator().manual_seed(0)) * 3
    angle = torch.arange(keys)[:, None] * speed
    before = angle - 83 * speed
    distance = torch.cat((before.cos(), before.sin()), 1), torch.cat((angle.cos(), angle.sin()), 1)
    single = torch.zeros(keys, dim)
    single[37] = 3.0
    reading = reading_of(
        torch.stack((torch.ones(keys, dim), distance[0])), torch.stack((single, distance[1])), scale=1.0
    )
    one, other = listed(FlexPrefill(minimum=32, block=16, tau=0.0).index(reading).visits)
    assert all(37 // 16 in blocks for blocks in one[3:])
    assert not any(5 in blocks for blocks in one[7:])
    assert all(own - 83 // 16 in blocks for own, blocks in enumerate(other) if own > 5)
    assert not any(own - 8 in blocks for own, blocks in enumerate(other) if own > 8)


@pytest.mark.parametrize("tau", [0.0, 1.0])
@pytest.mark.parametrize(("rows", "past"), [(100, 0), (37, 50), (2, 63)])
def test_gamma_one_is_dense_attention(rows, past, tau):
    check_dense(FlexPrefill(gamma=1.0, tau=tau, minimum=1, block=16), random_reading(rows, past))


@pytest.mark.parametrize(("rows", "past"), [(100, 0), (1, 300)])
def test_short_texts_and_single_tokens_are_read_densely(rows, past):
    check_dense(FlexPrefill(gamma=0.1, minimum=100, block=16), random_reading(rows, past))


@pytest.mark.parametrize("chunk", [7, 50, 2048])
def test_a_session_with_gamma_one_is_the_stock_model(chunk):
    model, ids = tiny_model(), tokens(150)
    with model.session("pattern=flexprefill(gamma=1,minimum=16,block=16)", chunk=chunk) as session:
        assert torch.allclose(session.logits(ids), stock_logits(model.network, ids), atol=1e-5)


def test_a_session_with_a_low_gamma_reads_something_else():
    model, ids = tiny_model(), tokens(150)
    with model.session("pattern=flexprefill(gamma=0.1,minimum=16,block=16)") as session:
        assert not torch.allclose(session.logits(ids), stock_logits(model.network, ids), atol=1e-3)
