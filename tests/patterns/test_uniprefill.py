"""UniPrefill, against a loop over blocks; what becomes of tokens that leave is in tests/engine/test_thinning.py."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pattern_twins import dense_weights, fewest, random_reading, reading_of
from readings import check_dense

from longspan.patterns.uniprefill import UniPrefill
from longspan.scene import Notes
from tiny import stock_logits, tiny_model, tokens


def twin(pattern, reading):
    """The tokens that stay, by blocks."""
    count, block = reading.query.shape[1], pattern.block
    weights = dense_weights(reading.query, reading.key, reading.scene.softmax.scale).tolist()
    scores = [0.0] * math.ceil(count / block)
    for head in range(len(reading.query)):
        for row in range(max(0, count - pattern.last), count):
            for place, weight in enumerate(weights[head][row]):
                scores[place // block] += weight
    stay = set(fewest(scores, pattern.share))
    stay |= {place // block for place in range(count) if place < pattern.sinks}
    stay |= {place // block for place in range(count) if place >= count - pattern.last}
    return [place for place in range(count) if place // block in stay]


@given(
    st.integers(1, 150),
    st.sampled_from([0.3, 0.9]),
    st.sampled_from([0, 20]),
    st.integers(1, 40),
    st.integers(0, 999),
)
def test_blocks_that_the_last_queries_attend_to_stay(rows, share, sinks, last, seed):
    pattern, notes = UniPrefill(share=share, first=1, every=2, sinks=sinks, last=last, block=16), Notes()
    for layer in range(6):
        reading = random_reading(rows, 0, seed=seed + layer, spread=6.0, layer=layer, layers=6, notes=notes)
        stay = pattern.staying(reading)
        if layer % 2 == 0 or rows <= sinks + last:
            assert stay is None
        else:
            assert stay.nonzero()[:, 0].tolist() == twin(pattern, reading)


def test_layers_that_are_not_asked_put_a_choice_off():
    """Only layers 3, 5 and 9 are asked, as where others have a sliding window: 3 and 9 choose."""
    pattern, notes, chose = UniPrefill(first=2, every=4, sinks=0, last=16, block=16), Notes(), []
    for layer in (3, 5, 9, 11):
        reading = random_reading(160, 0, seed=layer, layer=layer, layers=12, notes=notes)
        chose.append(pattern.staying(reading) is not None)
    assert chose == [True, False, True, False]


def test_a_block_that_the_last_queries_look_at_stays():
    query, key = torch.ones(2, 320, 8), torch.zeros(1, 320, 8)
    key[0, 100] = 5.0
    stay = UniPrefill(first=0, sinks=16, last=16, block=16).staying(reading_of(query, key, scale=1.0))
    assert stay.nonzero()[:, 0].tolist() == [*range(16), *range(96, 112), *range(304, 320)]


def test_the_keys_that_are_there_are_all_seen():
    check_dense(UniPrefill(), random_reading(100, 30))


def test_looking_at_few_weights_at_a_time_changes_nothing(monkeypatch):
    pattern = UniPrefill(share=0.5, first=0, sinks=0, last=40, block=16)
    whole = pattern.staying(random_reading(130, 0, spread=6.0)).tolist()
    monkeypatch.setattr("longspan.patterns.uniprefill._WEIGHTS", 1)
    assert pattern.staying(random_reading(130, 0, spread=6.0)).tolist() == whole
    assert not all(whole)


@pytest.mark.parametrize("positions", ["", "positions=self-extend(group=4,neighbour=32) "])
@pytest.mark.parametrize("chunk", [7, 50, 2048])
def test_a_session_with_share_one_is_the_model_without_pattern(chunk, positions):
    model, ids = tiny_model(), tokens(150)
    with model.session(positions.strip() or None, chunk=chunk) as session:
        expected = session.read(ids).next_logits.clone()
    plan = f"{positions}pattern=uniprefill(share=1,first=0,every=1,sinks=0,last=16,block=16)"
    with model.session(plan, chunk=chunk) as session:
        assert torch.allclose(session.read(ids).next_logits, expected, atol=1e-5)


def test_a_session_with_a_low_share_reads_something_else_and_holds_less():
    model, ids = tiny_model(), tokens(150)
    plan = "pattern=uniprefill(share=0.1,first=0,every=1,sinks=16,last=16,block=16)"
    with model.session(plan) as session, model.session() as whole:
        whole.read(ids)
        session.read(ids)
        assert not torch.allclose(session.next_logits, whole.next_logits, atol=1e-3)
        assert session.usage.kv_bytes < 0.8 * whole.usage.kv_bytes


def test_tokens_whose_logits_are_wanted_stay():
    model, ids = tiny_model(), tokens(150)
    plan = "pattern=uniprefill(share=0.1,first=0,every=1,sinks=16,last=16,block=16)"
    with model.session(plan) as session:
        assert torch.allclose(session.logits(ids), stock_logits(model.network, ids), atol=1e-5)
