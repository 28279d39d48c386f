"""DHSA, against a search token by token."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pattern_twins import random_reading, reading_of
from readings import bias_of, check_dense

from longspan.patterns.dhsa import DHSA
from tiny import stock_logits, tiny_model, tokens


def starts(pattern, key):
    """Where chunks begin: greedily, the least similar neighbours first."""
    keys, window = key.shape[1], pattern.window
    joint = key.transpose(0, 1).flatten(1).double()

    def similarity(place):
        left, right = joint[place - window : place].sum(0), joint[place : place + window].sum(0)
        return float(left @ right / (left.norm() * right.norm()))

    found = []
    for place in sorted(range(window, keys - window + 1), key=similarity):
        if all(abs(place - other) > pattern.spacing for other in found):
            found.append(place)
    return sorted([0, *found[: keys // pattern.block * pattern.per_block]])


def visible(pattern, reading):
    """The tokens that each query block visits, the same for all heads, its own among them."""
    rows, keys, block = reading.query.shape[1], reading.key.shape[1], pattern.block
    past = keys - rows
    begin = starts(pattern, reading.key)
    chunks = list(zip(begin, [*begin[1:], keys], strict=True))
    mean_key = reading.key.mean(0)
    vectors = [mean_key[a:b].sum(0) / math.sqrt(b - a) for a, b in chunks]
    result = []
    for own in range(past // block, (keys - 1) // block + 1):
        query = reading.query[:, max(0, own * block - past) : (own + 1) * block - past].mean((0, 1))
        scores = [float(query @ vector) for vector in vectors]
        before = range(own * block)
        if min(keys, (own + 1) * block) > keys - pattern.dense:
            result.append(set(before))
            continue
        sinks, local = math.ceil(pattern.sinks / block), max(1, math.ceil(pattern.local / block))
        seen = {t for t in before if t // block < sinks or t // block > own - local}
        room = pattern.budget - len(seen) - block
        ranked = sorted(range(len(chunks)), key=lambda c: -scores[c])
        tokens = [t for c in ranked for t in range(*chunks[c]) if t in before and t not in seen]
        result.append(seen | set(tokens[: max(0, room)]))
    return result


@given(
    st.integers(1, 60),
    st.integers(0, 90),
    st.tuples(st.sampled_from([0, 10, 32]), st.sampled_from([0, 20, 40]), st.sampled_from([0, 5])),
    st.sampled_from([16, 50, 90]),
    st.tuples(st.integers(1, 4), st.integers(0, 8), st.integers(1, 3)),
    st.integers(0, 999),
)
def test_tokens_of_the_best_chunks(rows, past, always, budget, cut, seed):
    sinks, local, dense = always
    window, spacing, per_block = cut
    pattern = DHSA(
        budget=budget,
        sinks=sinks,
        local=local,
        dense=dense,
        window=window,
        spacing=spacing,
        per_block=per_block,
        block=16,
    )
    reading = random_reading(rows, past, group=1, seed=seed)
    assert pattern.starts(reading.key).tolist() == starts(pattern, reading.key)
    index = pattern.index(reading)
    assert (index.block, index.width or index.block, index.first) == (16, 16, past // 16)
    chosen = visible(pattern, reading)
    expected = torch.zeros(rows, rows + past, dtype=torch.bool)
    for row in range(rows):
        own = (past + row) // 16
        expected[row, sorted(chosen[own - past // 16])] = True
        expected[row, own * 16 : past + row + 1] = True
    assert torch.equal(bias_of(index, reading) == 0, expected.expand(2, -1, -1))


def test_boundaries_are_where_the_text_changes():
    topics = torch.randn(6, 16, generator=torch.Generator().manual_seed(0)) * 4
    lengths = [20, 33, 11, 40, 25, 31]
    key = torch.cat([topic.expand(length, -1) for topic, length in zip(topics, lengths, strict=True)])
    key = key + 0.1 * torch.randn(key.shape, generator=torch.Generator().manual_seed(1))
    found = DHSA(block=16, per_block=1).starts(key[None]).tolist()
    assert {0, 20, 53, 64, 104, 129} <= set(found)


def test_comparing_few_keys_at_a_time_changes_nothing(monkeypatch):
    key = torch.randn(2, 150, 8)
    whole = DHSA(block=16).starts(key)
    monkeypatch.setattr("longspan.patterns.dhsa._ELEMENTS", 1 << 8)
    assert torch.equal(DHSA(block=16).starts(key), whole)


def test_the_passage_that_a_query_is_about_is_seen_whole():
    generator = torch.Generator().manual_seed(0)
    query, key = torch.randn(2, 320, 16, generator=generator), torch.randn(1, 320, 16, generator=generator)
    wanted = torch.randn(16, generator=generator)
    key[0, 100:117] += 3 * wanted
    query[:, 304:] += 3 * wanted
    pattern = DHSA(budget=64, sinks=16, local=16, dense=0, block=16)
    seen = bias_of(pattern.index(reading_of(query, key)), reading_of(query, key))[0, -1] == 0
    assert seen[100:117].all()
    assert int(seen.sum()) == 64


def test_a_budget_for_everything_is_dense_attention():
    for rows, past in [(100, 0), (37, 50), (1, 63)]:
        check_dense(DHSA(budget=400, block=16, sinks=5, local=20), random_reading(rows, past))


def test_equal_keys_have_chunks_too():
    assert DHSA(block=16).starts(torch.ones(1, 64, 4)).tolist() == [0, 4, 13, 22, 31, 40, 49, 58]


@pytest.mark.parametrize("chunk", [7, 50, 2048])
def test_a_session_with_a_large_budget_is_the_stock_model(chunk):
    model, ids = tiny_model(), tokens(150)
    with model.session("pattern=dhsa(budget=200,block=16)", chunk=chunk) as session:
        assert torch.allclose(session.logits(ids), stock_logits(model.network, ids), atol=1e-5)


def test_a_session_with_a_small_budget_reads_something_else():
    model, ids = tiny_model(), tokens(150)
    with model.session("pattern=dhsa(budget=48,sinks=16,local=16,dense=0,block=16)") as session:
        assert not torch.allclose(session.logits(ids), stock_logits(model.network, ids), atol=1e-3)
