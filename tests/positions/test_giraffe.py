"""Giraffe's truncated basis against its formula."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from longspan.positions.giraffe import Giraffe
from ropes import BASES, CHANNELS, WINDOWS, network_turning, stock_rope
from tiny import stock_logits, tiny_model, tokens


def truncated(base: float, dim: int, length: int, z: float, low: float) -> list[float]:
    """One pair after the other."""
    frequencies = []
    for j in range(dim // 2):
        own = base ** (-2 * j / dim)
        if own >= 2 * math.pi / length:
            frequencies.append(own)
        elif own >= 2 * math.pi / length / z:
            frequencies.append(2 * math.pi / (low * length))
        else:
            frequencies.append(0.0)
    return frequencies


@given(
    CHANNELS,
    BASES,
    WINDOWS,
    st.one_of(st.none(), st.integers(1, 100_000)),
    st.sampled_from([(8.0, 16.0), (4.0, 4.0), (1.0, 16.0)]),
)
def test_it_is_its_formula(dim, base, window, length, bounds):
    scheme = Giraffe(truncate=length, z=bounds[0], low=bounds[1])
    scaled = scheme.rope(stock_rope(dim, base, window))
    assert_close(
        scaled.inv_freq, torch.tensor(truncated(base, dim, length or window, *bounds)), rtol=1e-6, atol=0
    )
    assert scaled.magnitude == 1.0


def test_llama_2_tuned_on_4096_tokens():
    """Of 64 pairs, 46 turn within 4,096 tokens, 14 more within 8 times as many, and 4 do not."""
    inv_freq = Giraffe().rope(stock_rope(128, 1e4, 4096)).inv_freq
    slow = 2 * math.pi / (16 * 4096)
    assert [int((inv_freq > slow * 1.1).sum()), int((inv_freq == 0).sum())] == [46, 4]
    assert_close(inv_freq[46:60], torch.full((14,), slow))


def test_the_factor_says_only_how_far_it_may_read():
    rope = stock_rope(64, 1e4, 512)
    near, far = Giraffe(factor=1), Giraffe(factor=8)
    assert torch.equal(near.rope(rope).inv_freq, far.rope(rope).inv_freq)
    assert (near.window(512), far.window(512), Giraffe().window(512)) == (512, 4096, None)


@pytest.mark.parametrize("chunk", [64, 2048])
def test_logits_are_those_of_a_model_with_that_basis(chunk):
    model, ids = tiny_model(), tokens(600)
    expected = stock_logits(network_turning(truncated(1e4, 16, 512, 8, 16)), ids)
    assert (expected - stock_logits(model.network, ids)).abs().max() > 1e-3
    with model.session("positions=giraffe", chunk=chunk) as session:
        assert_close(session.logits(ids), expected, atol=1e-5, rtol=0)


def test_bad_parameters():
    with pytest.raises(ValueError, match="truncate=0 is outside 1"):
        Giraffe(truncate=0)
    with pytest.raises(ValueError, match=r"z=0\.5 is outside 1"):
        Giraffe(z=0.5)
