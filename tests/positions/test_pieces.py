"""Schemes of several pieces: what they cover, and their logits against explicit matrices of distances."""

from functools import cache

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from longspan.errors import PlanError
from longspan.positions.base import Positions, Rope
from longspan.positions.dca import DCA
from longspan.positions.ntk import NTK
from longspan.positions.pi import PI
from longspan.positions.self_extend import SelfExtend
from longspan.positions.stock import Stock
from longspan.positions.yarn import YaRN
from naive_llama import causal, naive_logits
from tiny import model_of, stock_logits, tiny_model, tiny_network, tokens

SCHEMES = st.one_of(
    st.sampled_from([Stock(), PI(factor=2), NTK(factor=2), YaRN(factor=2)]),
    st.builds(SelfExtend, group=st.integers(1, 9), neighbour=st.integers(1, 30)),
    st.tuples(st.floats(0.2, 1), st.floats(0, 0.8)).map(
        lambda pair: DCA(chunk=pair[0], local=pair[0] * pair[1] * 0.9)
    ),
)


def rope(window: int) -> Rope:
    return Rope(inv_freq=torch.ones(4), magnitude=1.0, interleaved=False, theta=1e4, window=window)


@given(SCHEMES, st.integers(20, 64), st.integers(0, 200), st.integers(1, 40))
def test_pieces_are_disjoint_and_cover_the_past(scheme: Positions, window, start, count):
    pieces = scheme.pieces(torch.arange(start, start + count), rope(window))
    assert len(pieces) == scheme.piece_count
    times_seen = torch.zeros(count, start + count, dtype=torch.int)
    keys = torch.arange(start + count)
    for piece in pieces:
        times_seen += (keys >= piece.low[:, None]) & (keys < piece.high[:, None])
        assert bool((piece.low.diff() >= 0).all())
        assert bool((piece.high.diff() >= 0).all())
    assert torch.equal(times_seen, torch.ones_like(times_seen).tril(start))


@given(SCHEMES, st.integers(20, 64), st.integers(1, 200))
def test_the_key_map_is_that_of_all_pieces(scheme: Positions, window, count):
    common = scheme.key_map(rope(window))
    keys = torch.arange(count)
    maps = [piece.keys(keys) for piece in scheme.pieces(keys, rope(window))]
    assert (common is None) == isinstance(scheme, SelfExtend)
    if common is not None:
        assert all(torch.equal(common(keys), mapped) for mapped in maps)
    elif scheme.group > 1 and count > 1:
        assert not torch.equal(*maps)


@given(st.integers(1, 9), st.integers(1, 30), st.integers(64, 200))
def test_self_extend_shows_no_distance_beyond_the_trained_ones(group, neighbour, trained):
    scheme = SelfExtend(group=group, neighbour=neighbour)
    last = torch.tensor([scheme.window(trained) - 1])
    farthest = [
        int(piece.query - piece.keys(piece.low))
        for piece in scheme.pieces(last, rope(trained))
        if piece.high > piece.low
    ]
    assert max(farthest) < trained


@cache
def self_extend(count: int, group: int, neighbour: int) -> torch.Tensor:
    """Distances as the paper shows them, pair by pair."""
    shown = torch.zeros(count, count)
    for i in range(count):
        for j in range(i + 1):
            near = i - j < neighbour
            shown[i, j] = i - j if near else i // group + neighbour - neighbour // group - j // group
    return shown


@cache
def dual_chunk(count: int, chunk: int, local: int) -> torch.Tensor:
    """Distances as the paper shows them, pair by pair."""
    period = chunk - local
    shown = torch.zeros(count, count)
    for i in range(count):
        for j in range(i + 1):
            between = i // period - j // period
            if between == 0:
                query = i % period
            elif between == 1:
                query = min(i % period + period, chunk)
            else:
                query = min(2 * period - 1, chunk)
            shown[i, j] = query - j % period
    return shown


@pytest.mark.parametrize("chunk", [1, 7, 2048])
@pytest.mark.parametrize(("group", "neighbour"), [(4, 8), (3, 10), (8, 5), (1, 16)])
def test_self_extend_is_its_matrix_of_distances(group, neighbour, chunk):
    model, ids = tiny_model(), tokens(70)
    expected = naive_logits(model.network, ids, causal(70), self_extend(70, group, neighbour))
    assert (group == 1) == torch.allclose(expected, stock_logits(model.network, ids), atol=1e-3)
    with model.session(f"positions=self-extend(group={group},neighbour={neighbour})", chunk=chunk) as session:
        assert_close(session.logits(ids), expected, atol=1e-5, rtol=0)


@pytest.fixture(scope="module")
def short_window():
    """A model made for 32 tokens."""
    return model_of(tiny_network("llama", max_position_embeddings=32))


@pytest.mark.parametrize("chunk", [1, 7, 2048])
@pytest.mark.parametrize(("share", "local"), [(0.75, 0.125), (0.5, 0.0), (1.0, 0.5)])
def test_dca_is_its_matrix_of_distances(short_window, share, local, chunk):
    ids = tokens(90)
    expected = naive_logits(
        short_window.network, ids, causal(90), dual_chunk(90, int(32 * share), int(32 * local))
    )
    assert not torch.allclose(expected, stock_logits(short_window.network, ids), atol=1e-3)
    with short_window.session(f"positions=dca(chunk={share},local={local})", chunk=chunk) as session:
        assert_close(session.logits(ids), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("family", ["llama", "gemma3_text"])
def test_dca_is_stock_while_the_input_fits_one_chunk(family):
    """Of a window of 512, a chunk is 384 tokens; from 320 on, it takes two pieces to show the same distances."""
    model = tiny_model(family)
    difference = {}
    for count in (320, 384, 450):
        with model.session("positions=dca") as session:
            logits, stock = session.logits(tokens(count)), stock_logits(model.network, tokens(count))
            difference[count] = float((logits - stock).abs().max())
    assert difference[320] == 0
    assert difference[384] < 1e-5
    assert difference[450] > 1e-3


def test_self_extend_is_stock_while_the_input_fits_the_neighbours():
    model, ids = tiny_model(), tokens(96)
    with model.session("positions=self-extend(neighbour=96)") as session:
        assert torch.equal(session.logits(ids), stock_logits(model.network, ids))


def test_dca_that_leaves_no_position_is_refused():
    model = model_of(tiny_network("llama", max_position_embeddings=32))
    with pytest.raises(PlanError, match=r"dca: chunk=0\.02 .* of a window of 32 leaves no position"):
        model.session("positions=dca(chunk=0.02,local=0.0)").read(tokens(5))


def test_neighbours_as_wide_as_the_window_are_refused():
    with pytest.raises(ValueError, match=r"neighbour=512 is outside 1 .. 511"):
        tiny_model().session("positions=self-extend(neighbour=512)")
