"""Schemes that put another rotary base in place: ABF, Entropy-ABF and RoPE contraction."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from longspan.errors import PlanError
from longspan.positions.abf import ABF
from longspan.positions.entropy_abf import EntropyABF
from longspan.positions.pi import PI
from longspan.positions.rope_contraction import RopeContraction
from naive_llama import causal, naive_logits
from ropes import BASES, CHANNELS, FACTORS, WINDOWS, stock_rope
from tiny import model_of, stock_logits, tiny_model, tiny_network, tokens


def frequencies(base: float, dim: int) -> torch.Tensor:
    return torch.tensor([base ** (-2 * j / dim) for j in range(dim // 2)])


@given(
    CHANNELS, BASES, WINDOWS, FACTORS, st.sampled_from([1e6, 8e6, 5e7]), st.sampled_from([ABF, EntropyABF])
)
def test_abf_has_the_frequencies_of_its_base(dim, base, window, factor, new, kind):
    scaled = kind(factor=factor, base=new).rope(stock_rope(dim, base, window))
    assert_close(scaled.inv_freq, frequencies(new, dim), rtol=3e-6, atol=0)
    assert (scaled.theta, scaled.magnitude, scaled.window) == (new, 1.0, window)


def test_abf_has_the_base_of_the_papers():
    for scheme in (ABF(), EntropyABF()):
        assert_close(scheme.rope(stock_rope(128, 1e4, 4096)).inv_freq, frequencies(5e5, 128))


@pytest.mark.parametrize("kind", [ABF, EntropyABF])
def test_abf_leaves_an_equal_base_and_refuses_a_larger_one(kind):
    own = stock_rope(64, 5e5, 8192)
    assert torch.equal(kind().rope(own).inv_freq, own.inv_freq)
    with pytest.raises(
        PlanError, match=r"base=500,000 is below the model's own rotary base, 1,000,000; .*base=1000000"
    ):
        kind().rope(stock_rope(64, 1e6, 8192))


def test_scaling_by_a_config_stays():
    for scheme in (ABF(), RopeContraction()):
        rope = stock_rope(64, 1e4, 512)
        scaled = PI(factor=4).rope(rope)
        assert_close(scheme.rope(scaled).inv_freq, PI(factor=4).rope(scheme.rope(rope)).inv_freq)


@given(WINDOWS, st.integers(0, 300_000), st.integers(1, 20))
def test_entropy_abf_sharpens_with_the_position(window, start, count):
    rope = stock_rope(64, 1e4, window)
    scaled = EntropyABF().query_scale(torch.arange(start, start + count), 2, rope)
    expected = [max(1.0, math.log(i + 1, window)) for i in range(start, start + count)]
    assert_close(scaled, torch.tensor(expected), rtol=1e-6, atol=0)


def test_entropy_abf_leaves_its_first_layers_alone():
    rope, queries = stock_rope(64, 1e4, 16), torch.arange(40)
    assert [EntropyABF().query_scale(queries, layer, rope) is None for layer in range(4)] == [
        True,
        True,
        False,
        False,
    ]
    assert EntropyABF(skip=0).query_scale(queries, 0, rope) is not None
    assert ABF().query_scale(queries, 3, rope) is None


@pytest.mark.parametrize("chunk", [7, 2048])
@pytest.mark.parametrize("plan", ["abf", "entropy-abf(skip=0)", "entropy-abf(skip=3)"])
def test_logits_are_those_of_a_model_with_that_base(plan, chunk):
    """The model is made for 32 tokens and has three layers."""
    count, made_for = 90, {"max_position_embeddings": 32}
    model, ids = model_of(tiny_network("llama", **made_for)), tokens(count)
    rope_parameters = {"rope_type": "default", "rope_theta": 5e5}
    based = tiny_network("llama", rope_parameters=rope_parameters, **made_for)
    query_scale = None
    if plan == "entropy-abf(skip=0)":
        query_scale = torch.tensor([max(1.0, math.log(i + 1, 32)) for i in range(count)])
    expected = naive_logits(based, ids, causal(count), query_scale=query_scale)
    assert (expected - stock_logits(based, ids)).abs().max() > 1e-3 or query_scale is None
    with model.session(f"positions={plan}", chunk=chunk) as session:
        assert_close(session.logits(ids), expected, atol=1e-5, rtol=0)


@given(CHANNELS, BASES, WINDOWS, st.floats(0.01, 1.0))
def test_contraction_has_a_smaller_base_and_turns_no_pair_further(dim, base, window, ratio):
    rope, scheme = stock_rope(dim, base, window), RopeContraction(ratio=ratio)
    contracted = scheme.rope(rope)
    assert_close(contracted.inv_freq, frequencies(base * ratio, dim), rtol=3e-6, atol=0)
    assert bool((contracted.inv_freq >= rope.inv_freq).all())
    reach = contracted.inv_freq * (scheme.window(window) - 1)
    assert bool((reach <= rope.inv_freq * (window - 1) * (1 + 1e-6)).all())


def test_contraction_within_a_session():
    model, ids = tiny_model(), tokens(200)
    contracted = tiny_network("llama", rope_parameters={"rope_type": "default", "rope_theta": 2500.0})
    with model.session("positions=rope-contraction(ratio=0.25)") as session:
        assert session.window == 128
    with model.session("positions=rope-contraction(ratio=0.25)", window=512) as session:
        assert_close(session.logits(ids), stock_logits(contracted, ids), atol=1e-5, rtol=0)
    with pytest.raises(ValueError, match=r"ratio=2 is outside 0\.001 \.\. 1\.0"):
        RopeContraction(ratio=2)
