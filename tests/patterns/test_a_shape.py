"""A-shape against a dense mask of the same blocks."""

from functools import cache

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from longspan.patterns.a_shape import AShape
from longspan.patterns.base import PatternView
from naive_llama import causal, naive_logits
from scenes import scene
from tiny import stock_logits, tiny_model, tokens


def a_shape(count: int, sinks: int, window: int, block: int) -> torch.Tensor:
    """Who sees whom, pair by pair."""
    visible = causal(count)
    sink_blocks, recent_blocks = -(-sinks // block), -(-window // block)
    for i in range(count):
        for j in range(i):
            own, theirs = i // block, j // block
            visible[i, j] = theirs < sink_blocks or own - theirs <= recent_blocks
    return visible


@cache
def dense(sinks: int, window: int) -> torch.Tensor:
    """Logits under a dense mask of blocks of 16."""
    return naive_logits(tiny_model().network, tokens(200), a_shape(200, sinks, window, 16))


@pytest.mark.parametrize("chunk", [7, 50, 64, 2048])
@pytest.mark.parametrize(("sinks", "window"), [(16, 32), (20, 16), (0, 16), (16, 0), (0, 0)])
def test_logits_are_those_of_a_dense_mask(sinks, window, chunk):
    model, ids = tiny_model(), tokens(200)
    expected = dense(sinks, window)
    with model.session(f"pattern=a-shape(sinks={sinks},window={window},block=16)", chunk=chunk) as session:
        assert_close(session.logits(ids), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("chunk", [1, 64])
def test_a_text_that_ends_with_a_chunk_of_one_token_is_read_no_other_way(chunk):
    model, ids = tiny_model(), tokens(129)
    expected = naive_logits(model.network, ids, a_shape(129, 16, 16, 16))
    with model.session("pattern=a-shape(sinks=16,window=16,block=16)", chunk=chunk) as session:
        assert next(session.read(ids).generate()).token == int(expected[-1].argmax())


def test_what_is_generated_sees_everything():
    model, ids = tiny_model(), tokens(200)
    with model.session("pattern=a-shape(sinks=16,window=16,block=16)", chunk=64) as session:
        made = [step.token for step in session.read(ids).generate(max_new_tokens=20)]
    visible = causal(200 + len(made))
    visible[:200, :200] = a_shape(200, 16, 16, 16)
    logits = naive_logits(model.network, torch.cat((ids, torch.tensor(made))), visible)
    assert made == logits[199:-1].argmax(-1).tolist()


def test_what_a_policy_left_is_seen_by_all():
    model, ids = tiny_model(), tokens(192)
    visible = torch.zeros(192, 192, dtype=torch.bool)
    remembered = []
    for start in (0, 64, 128):
        visible[start : start + 64, start : start + 64] = a_shape(64, 16, 16, 16)
        visible[start : start + 64, remembered] = True
        remembered = [0, 1, 2, 3, *range(start + 44, start + 64)]
    plan = "pattern=a-shape(sinks=16,window=16,block=16) policy=streamingllm(budget=24,when=chunk)"
    with model.session(plan, chunk=64) as session:
        assert_close(session.logits(ids), naive_logits(model.network, ids, visible), atol=1e-5, rtol=0)


def test_stored_eight_bits_are_seen_through_the_pattern():
    model, ids = tiny_model(), tokens(200)
    expected = naive_logits(model.network, ids, a_shape(200, 16, 16, 16))
    with model.session("pattern=a-shape(sinks=16,window=16,block=16) codec=int8", chunk=50) as session:
        assert (session.logits(ids) - expected).norm() < 0.02 * expected.norm()


def test_a_window_over_everything_is_stock():
    model, ids = tiny_model(), tokens(200)
    with model.session("pattern=a-shape(window=512,block=16)", chunk=64) as session:
        assert_close(session.logits(ids), stock_logits(model.network, ids), atol=1e-5, rtol=0)


@given(st.integers(0, 100), st.integers(0, 100), st.integers(16, 40), st.integers(1, 90), st.integers(0, 200))
def test_the_index_names_each_block_once(sinks, window, block, rows, past):
    keys = rows + past
    reading = PatternView(
        query=torch.zeros(2, rows, 4),
        key=torch.zeros(1, keys, 4),
        scene=scene(),
        weights=lambda _: pytest.fail("A-shape does not look at weights"),
    )
    index = AShape(sinks=sinks, window=window, block=block).index(reading)
    visible = a_shape(keys, sinks, window, block)
    assert index.visits.shape[1] == (keys - 1) // block - past // block + 1
    for number, visits in enumerate(index.visits[0].tolist()):
        own = index.first + number
        named = [visit for visit in visits if visit >= 0]
        assert visits == named + [-1] * (len(visits) - len(named))
        last = min((own + 1) * block, keys) - 1
        assert named == [other for other in range(own) if visible[last, other * block]]
