"""Tri-shape and MSWA against dense masks of the same blocks."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from longspan.patterns.base import PatternView
from longspan.patterns.mswa import MSWA
from longspan.patterns.tri_shape import TriShape
from naive_llama import causal, naive_logits
from scenes import scene
from tiny import stock_logits, tiny_model, tokens


def a_shape(count, sinks, window, block):
    visible = causal(count)
    for i in range(count):
        for j in range(i):
            own, theirs = i // block, j // block
            visible[i, j] = theirs < -(-sinks // block) or own - theirs <= -(-window // block)
    return visible


def tri_shape(count, sinks, window, last, block, chunk):
    """Who sees whom when `count` tokens come in chunks."""
    visible = a_shape(count, sinks, window, block)
    for start in range(0, count, chunk):
        stop = min(start + chunk, count)
        for i in range(start, stop):
            if any(other // block == i // block for other in range(max(start, stop - last), stop)):
                visible[i, : i + 1] = True
    return visible


@pytest.mark.parametrize("chunk", [7, 50, 64, 2048])
@pytest.mark.parametrize("last", [0, 1, 20])
def test_the_last_queries_of_a_chunk_see_everything(chunk, last):
    model, ids = tiny_model(), tokens(200)
    expected = naive_logits(model.network, ids, tri_shape(200, 16, 32, last, 16, chunk))
    plan = f"pattern=tri-shape(sinks=16,window=32,last={last},block=16)"
    with model.session(plan, chunk=chunk) as session:
        assert_close(session.logits(ids), expected, atol=1e-5, rtol=0)


def test_tri_shape_is_a_shape_where_no_query_is_the_last():
    model, ids = tiny_model(), tokens(200)
    with model.session("pattern=tri-shape(sinks=16,window=16,last=0,block=16)") as session:
        tri = session.logits(ids)
    with model.session("pattern=a-shape(sinks=16,window=16,block=16)") as session:
        assert torch.equal(tri, session.logits(ids))


@given(st.integers(1, 60), st.integers(0, 60), st.integers(0, 70), st.integers(16, 20))
def test_no_dense_block_reaches_beyond_the_past(rows, past, last, block):
    keys = rows + past
    index = TriShape(sinks=0, window=0, last=last, block=block).index(reading(rows, keys))
    for number, visits in enumerate(index.visits[0].tolist()):
        own = index.first + number
        dense = any(place // block == own for place in range(max(past, keys - last), keys))
        assert [visit for visit in visits if visit >= 0] == (list(range(own)) if dense else [])


def reading(rows, keys, heads=4, layer=0, layers=1):
    return PatternView(
        query=torch.zeros(heads, rows, 4),
        key=torch.zeros(2, keys, 4),
        scene=scene(layer=layer, layers=layers),
        weights=lambda _: pytest.fail("windows do not look at weights"),
    )


def test_windows_grow_over_heads_and_layers():
    mswa = MSWA(window=1024)
    assert mswa.windows(0, 4, 4) == [64, 128, 256, 512]
    assert mswa.windows(1, 4, 8) == [128, 128, 256, 256, 512, 512, 1024, 1024]
    assert mswa.windows(3, 4, 4) == [512, 1024, 2048, 4096]
    assert [mswa.windows(layer, 8, 4)[2] for layer in range(8)] == [
        256,
        256,
        512,
        512,
        1024,
        1024,
        2048,
        2048,
    ]
    whole = sum(sum(mswa.windows(layer, 8, 8)) for layer in range(8))
    assert whole / (64 * 1024) == 225 / 256


@pytest.mark.parametrize("layer", range(3))
@pytest.mark.parametrize("sinks", [0, 20])
def test_each_head_visits_the_blocks_of_its_window(layer, sinks):
    rows, past, block = 70, 41, 16
    mswa = MSWA(window=64, sinks=sinks, block=block)
    index = mswa.index(reading(rows, rows + past, layer=layer, layers=3))
    assert index.first == 2
    for head, window in enumerate(mswa.windows(layer, 3, 4)):
        for number, visits in enumerate(index.visits[head].tolist()):
            own = index.first + number
            expected = [b for b in range(own) if b < -(-sinks // block) or own - b <= -(-window // block)]
            assert [visit for visit in visits if visit >= 0] == expected


@pytest.mark.parametrize("chunk", [50, 2048])
def test_windows_over_everything_are_stock(chunk):
    model, ids = tiny_model(), tokens(200)
    with model.session("pattern=mswa(window=4096,block=16)", chunk=chunk) as session:
        assert_close(session.logits(ids), stock_logits(model.network, ids), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "plan", ["tri-shape(sinks=16,window=16,last=8,block=16)", "mswa(window=64,block=16)"]
)
def test_windows_do_not_depend_on_how_many_pieces_positions_have(plan):
    model, ids = tiny_model(), tokens(200)
    with model.session(f"pattern={plan} positions=dca(chunk=1)") as session:
        found = session.logits(ids)
    with model.session(f"pattern={plan}") as session:
        assert_close(found, session.logits(ids), atol=1e-5, rtol=0)
