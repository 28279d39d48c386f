"""UniPrefill, against a loop over layers in which dropped blocks are gone."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pattern_twins import dense_weights, fewest, random_reading, reading_of
from readings import check_dense, listed

from longspan.patterns.uniprefill import UniPrefill
from tiny import stock_logits, tiny_model, tokens


def staying(pattern, reading, left):
    """The blocks among those left that stay."""
    rows, keys, block = reading.query.shape[1], reading.key.shape[1], pattern.block
    kept = [j for b in left for j in range(b * block, min(keys, (b + 1) * block))]
    weights = dense_weights(reading.query, reading.key, reading.scale).tolist()
    scores = dict.fromkeys(left, 0.0)
    for head in range(len(reading.query)):
        for row in range(max(0, rows - pattern.last), rows):
            whole = sum(weights[head][row][j] for j in kept)
            for j in kept:
                scores[j // block] += weights[head][row][j] / whole
    chosen = {left[n] for n in fewest(list(scores.values()), pattern.share)}
    sure = {j // block for j in kept if j < pattern.sinks or j >= keys - pattern.last}
    return sorted(chosen | sure)


@given(
    st.integers(1, 100),
    st.integers(0, 100),
    st.sampled_from([0.5, 0.9]),
    st.sampled_from([0, 20]),
    st.integers(1, 40),
    st.integers(0, 999),
)
def test_later_layers_visit_what_earlier_ones_left(rows, past, share, sinks, last, seed):
    pattern = UniPrefill(share=share, first=1, every=2, sinks=sinks, last=last, block=16)
    first, blocks = past // 16, math.ceil((rows + past) / 16)
    left, notes = list(range(blocks)), {}
    for layer in range(6):
        reading = random_reading(
            rows, past, seed=seed + layer, spread=6.0, layer=layer, layers=6, notes=notes
        )
        index = pattern.index(reading)
        assert (index.block, index.width or index.block, index.first) == (16, 16, first)
        assert listed(index.visits) == [[[b for b in left if b < own] for own in range(first, blocks)]]
        if layer % 2 == 1 and rows + past > sinks + last:
            left = staying(pattern, reading, left)


def test_layers_that_are_not_asked_put_a_choice_off():
    """Only layers 3, 5 and 9 are asked, as where others have a sliding window: 3 and 9 choose."""
    pattern, notes, seen = UniPrefill(share=0.3, first=2, every=4, sinks=0, last=16, block=16), {}, []
    for layer in (3, 5, 9, 11):
        reading = random_reading(160, 0, seed=layer, spread=8.0, layer=layer, layers=12, notes=notes)
        seen.append(listed(pattern.index(reading).visits)[0][-1])
    assert len(seen[0]) == 9
    assert len(seen[3]) < len(seen[2]) == len(seen[1]) < 9


def test_a_block_that_the_last_queries_look_at_stays():
    query, key = torch.ones(2, 320, 8), torch.zeros(1, 320, 8)
    key[0, 100] = 5.0
    notes = {}
    pattern = UniPrefill(first=0, sinks=16, last=16, block=16)
    pattern.index(reading_of(query, key, scale=1.0, notes=notes))
    index = pattern.index(reading_of(query, key, scale=1.0, notes=notes, layer=1, layers=2))
    assert listed(index.visits)[0][-1] == [0, 100 // 16]


def test_before_the_first_choice_attention_is_dense():
    check_dense(UniPrefill(share=0.1, first=1, last=16, sinks=0, block=16), random_reading(100, 30))


def test_share_one_is_dense_attention():
    notes = {}
    pattern = UniPrefill(share=1.0, first=0, every=1, sinks=0, last=16, block=16)
    for layer in range(3):
        check_dense(pattern, random_reading(100, 30, layer=layer, layers=3, notes=notes))


def test_looking_at_few_weights_at_a_time_changes_nothing(monkeypatch):
    def chosen():
        notes = {}
        pattern = UniPrefill(share=0.5, first=0, sinks=0, last=40, block=16)
        pattern.index(random_reading(100, 30, spread=6.0, notes=notes))
        return notes["uniprefill"][1].tolist()

    whole = chosen()
    monkeypatch.setattr("longspan.patterns.uniprefill._WEIGHTS", 1)
    assert chosen() == whole
    assert not all(whole)


@pytest.mark.parametrize("positions", ["", "positions=self-extend(group=4,neighbour=32) "])
@pytest.mark.parametrize("chunk", [7, 50, 2048])
def test_a_session_with_share_one_is_the_model_without_pattern(chunk, positions):
    model, ids = tiny_model(), tokens(150)
    with model.session(positions.strip() or None, chunk=chunk) as session:
        expected = session.logits(ids)
    plan = f"{positions}pattern=uniprefill(share=1,first=0,every=1,sinks=0,last=16,block=16)"
    with model.session(plan, chunk=chunk) as session:
        assert torch.allclose(session.logits(ids), expected, atol=1e-5)


def test_a_session_with_a_low_share_reads_something_else():
    model, ids = tiny_model(), tokens(150)
    plan = "pattern=uniprefill(share=0.1,first=0,every=1,sinks=16,last=16,block=16)"
    with model.session(plan) as session:
        assert not torch.allclose(session.logits(ids), stock_logits(model.network, ids), atol=1e-3)
