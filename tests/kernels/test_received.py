"""What keys receive of attention, against the matrix of all weights in double precision."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from longspan.kernels import received
from longspan.kernels.received import Attention
from longspan.kernels.softmax import Softmax


def matrix(sight: Attention) -> torch.Tensor:
    """All weights, `[kv_heads, group, n, m]`; 0 for a query that sees nothing."""
    query = sight.query.unflatten(0, (len(sight.key), -1)).double()
    scores = query @ sight.key.double()[:, None].mT * sight.softmax.scale
    if sight.softmax.softcap is not None:
        scores = sight.softmax.softcap * torch.tanh(scores / sight.softmax.softcap)
    exists = torch.arange(sight.key.shape[1]) < torch.tensor(sight.lengths)[:, None]
    visible = (sight.positions[:, None] <= sight.query_positions[:, None]) & exists[:, None]
    scores = scores.masked_fill(~visible[:, None], -torch.inf)
    if sight.softmax.sinks is not None:
        sinks = sight.softmax.sinks.unflatten(0, (len(sight.key), -1)).double()[..., None, None]
        scores = torch.cat((scores, sinks.expand(*scores.shape[:3], 1)), -1)
        return scores.softmax(-1)[..., :-1]
    return scores.softmax(-1).nan_to_num(0.0)


def ascending(draw: st.DrawFn, count: int, most: int) -> torch.Tensor:
    """Positions with gaps of at most so much."""
    seed = draw(st.integers(0, 99))
    gaps = torch.randint(1, most + 1, (count,), generator=torch.Generator().manual_seed(seed))
    return gaps.cumsum(0) - 1


@st.composite
def sights(draw: st.DrawFn) -> Attention:
    """Ragged rows with gaps, whose scores reach beyond 200; queries anywhere along the text."""
    rows, group = draw(st.integers(1, 3)), draw(st.sampled_from([1, 3, 7]))
    lengths = draw(st.lists(st.integers(0, 300), min_size=rows, max_size=rows))
    count, longest = draw(st.integers(1, 150)), max(*lengths, 1)
    positions = torch.zeros(rows, longest, dtype=torch.long)
    for row, length in enumerate(lengths):
        positions[row, :length] = ascending(draw, length, draw(st.sampled_from([1, 4])))
    start = draw(st.integers(-20, longest))
    size, format = (
        draw(st.sampled_from([0.3, 1.0, 3.0])),
        draw(st.sampled_from([torch.bfloat16, torch.float32])),
    )
    generator = torch.Generator().manual_seed(draw(st.integers(0, 999)))
    return Attention(
        query=(torch.randn(rows * group, count, 32, generator=generator) * size).to(format),
        key=(torch.randn(rows, longest, 32, generator=generator) * size + size).to(format),
        positions=positions,
        query_positions=start + ascending(draw, count, draw(st.sampled_from([1, 3]))),
        lengths=lengths,
        softmax=Softmax(
            scale=0.7,
            softcap=draw(st.sampled_from([None, None, 4.0])),
            sinks=draw(st.sampled_from([None, torch.randn(rows * group, generator=generator) * 3])),
        ),
    )


WAYS = st.fixed_dictionaries(
    {
        "_WEIGHTS": st.sampled_from([1, 5000, 1 << 23]),
        "_ROWS": st.sampled_from([1, 32]),
        "_KEYS": st.sampled_from([1, 16, 128]),
        "onednn": st.booleans(),
    }
)
"""Blocks of other sizes, and either product."""


@contextmanager
def going(way: dict[str, int]) -> Iterator[None]:
    """That way, for a while."""
    there = way["onednn"] and torch.backends.mkldnn.is_available()
    sizes = {name: size for name, size in way.items() if name != "onednn"}
    with patch.multiple(received, **sizes), patch("torch.backends.mkldnn.is_available", lambda: there):
        yield


def tolerance(sight: Attention) -> dict[str, float]:
    """fp32 scores of a hundred or two are exact to some 1e-5, and so are weights, relative to themselves."""
    largest = (
        sight.query.float().norm(dim=-1).max() * sight.key.float().norm(dim=-1).max() * sight.softmax.scale
    )
    return {"rtol": 1e-5 + 4e-7 * float(largest), "atol": 1e-9}


@given(sights(), WAYS)
def test_sums_are_those_of_the_matrix(sight, way):
    expected = matrix(sight).sum(2).mean(1).float()
    with going(way):
        assert_close(sight.received(), expected, **tolerance(sight))


@given(sights(), WAYS, st.integers(0, 99))
def test_queries_count_as_their_factors_say(sight, way, seed):
    shape = len(sight.key), sight.query.shape[1]
    factors = torch.rand(shape, generator=torch.Generator().manual_seed(seed))
    expected = (matrix(sight) * factors[:, None, :, None]).sum(2).mean(1).float()
    with going(way):
        assert_close(sight.received(factors), expected, **tolerance(sight))


@given(sights(), WAYS)
def test_the_strongest_are_those_of_the_matrix(sight, way):
    expected = matrix(sight).amax((1, 2)).float()
    with going(way):
        assert_close(sight.strongest(), expected, **tolerance(sight))


def text(count: int, *, kept: slice = slice(None)) -> Attention:
    """A text that reads itself, of which only some entries are left."""
    generator = torch.Generator().manual_seed(0)
    positions = torch.arange(count)[kept].expand(2, -1)
    return Attention(
        query=torch.randn(14, count, 16, generator=generator).bfloat16(),
        key=torch.randn(2, positions.shape[1], 16, generator=generator).bfloat16(),
        positions=positions,
        query_positions=torch.arange(count),
        lengths=[positions.shape[1]] * 2,
        softmax=Softmax(scale=0.25),
    )


def test_every_query_gives_one_and_what_is_later_gets_nothing():
    sight = text(1000)
    assert_close(sight.received().sum(1), torch.full((2,), 1000.0))
    early = text(1000, kept=slice(400))
    assert_close(early.received(), matrix(early).sum(2).mean(1).float(), rtol=1e-5, atol=0)
    late = text(1000, kept=slice(600, None))  # the first 600 queries see nothing
    assert_close(late.received().sum(1), torch.full((2,), 400.0))
    assert_close(late.strongest(), matrix(late).amax((1, 2)).float(), rtol=1e-5, atol=0)


@pytest.mark.parametrize("reduction", [Attention.received, Attention.strongest])
def test_few_weights_are_held_and_hidden_blocks_take_no_part(monkeypatch, reduction):
    product, made = received._product, []

    def counted(left, right):
        made.append(len(left) * len(right))
        return product(left, right)

    monkeypatch.setattr(received, "_product", counted)
    monkeypatch.setattr(received, "_WEIGHTS", 1 << 20)
    reduction(text(2500))
    assert max(made) <= 1 << 20
    assert sum(made) < 0.6 * 14 * 2500**2
    late = text(2500, kept=slice(1500, None))
    made.clear()
    reduction(late)
    assert sum(made) < 0.7 * 14 * 1000**2


@given(st.integers(1, 1 << 20), st.integers(1, 64))
def test_a_block_is_bounded_and_one_of_few_sizes(keys, group):
    queries = received._block(keys, group)
    assert queries & (queries - 1) == 0
    assert queries == 1 or queries * group <= max(received._ROWS, received._WEIGHTS / keys)
    assert queries * 2 * group > max(received._ROWS, received._WEIGHTS // keys)
