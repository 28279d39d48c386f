"""Dynamic NTK: its frequencies at each length, against transformers, and the keys of a growing text."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from longspan.plan import Plan
from longspan.positions.dynamic_by_parts import DynamicByParts
from longspan.positions.dynamic_ntk import DynamicNTK
from longspan.positions.dynamic_yarn import DynamicYaRN
from longspan.positions.ntk import NTK
from longspan.positions.ntk_by_parts import NTKByParts
from longspan.positions.yarn import YaRN
from naive_llama import causal, naive_logits
from ropes import BASES, CHANNELS, FACTORS, SHARES, WINDOWS, network_turning, stock_rope, theirs
from tiny import model_of, stock_logits, tiny_model, tiny_network, tokens


@given(CHANNELS, BASES, WINDOWS, FACTORS, SHARES, st.floats(0.1, 40.0))
def test_it_is_dynamic_scaling_at_each_length(dim, base, window, factor, share, times):
    length, rope = round(times * window), stock_rope(int(dim * share), base, window)
    scaled = DynamicNTK(factor=factor).fitted(length, window).rope(rope)
    inv_freq, magnitude = theirs("dynamic", dim, base, window, share=share, length=length, factor=factor)
    assert_close(scaled.inv_freq, inv_freq, rtol=1e-5, atol=0)
    assert scaled.magnitude == magnitude == 1.0
    if length <= window:
        assert torch.equal(scaled.inv_freq, rope.inv_freq)


@given(CHANNELS, BASES, WINDOWS, FACTORS, st.floats(1.0, 40.0))
def test_it_is_its_formula(dim, base, window, factor, times):
    length = round(times * window)
    scaled = DynamicNTK(factor=factor).fitted(length, window).rope(stock_rope(dim, base, window))
    grown = base * (factor * length / window - (factor - 1)) ** (dim / (dim - 2))
    assert_close(
        scaled.inv_freq,
        torch.tensor([grown ** (-2 * j / dim) for j in range(dim // 2)]),
        rtol=1e-5,
        atol=0,
    )
    assert scaled.theta == pytest.approx(grown)


@given(WINDOWS, st.floats(1.0, 40.0))
def test_without_a_factor_each_length_has_the_base_of_ntk(window, times):
    rope, length = stock_rope(64, 1e4, window), round(times * window)
    grown, static = DynamicNTK().fitted(length, window), NTK().fitted(length, window)
    assert_close(grown.rope(rope).inv_freq, static.rope(rope).inv_freq, rtol=1e-6, atol=0)


def test_nothing_bounds_it_and_keys_are_kept_raw():
    for scheme in (DynamicNTK(), DynamicNTK(factor=2).fitted(600, 512)):
        assert scheme.dynamic
        assert scheme.window(512) is None
        assert scheme.key_map(stock_rope(64, 1e4, 512)) is None
    with pytest.raises(ValueError, match=r"factor=0\.5 is outside 1"):
        Plan.parse("positions=dynamic-ntk(factor=0.5)")


@pytest.mark.parametrize("factor", [1, 2.5])
@pytest.mark.parametrize("family", ["llama", "glm", "cohere"])
def test_logits_of_one_pass_are_those_of_a_model_with_dynamic_scaling(family, factor):
    model, ids = tiny_model(family), tokens(600)
    parameters = dict(model.network.config.rope_parameters) | {"rope_type": "dynamic", "factor": factor}
    expected = stock_logits(tiny_network(family, rope_parameters=parameters), ids)
    assert (expected - stock_logits(model.network, ids)).abs().max() > 1e-3
    with model.session(f"positions=dynamic-ntk(factor={factor})", chunk=2048) as session:
        assert session.window is None
        assert_close(session.logits(ids), expected, atol=1e-5, rtol=0)


def test_each_pass_turns_all_keys_with_the_base_of_its_length():
    """With one layer, a key does not depend on earlier bases, so every chunk is as if all were read at its length."""
    made_for = {"num_hidden_layers": 1, "max_position_embeddings": 32}
    model, ids = model_of(tiny_network("llama", **made_for)), tokens(80)
    rope = stock_rope(16, 1e4, 32)
    with model.session("positions=dynamic-ntk", chunk=20) as session:
        logits = session.logits(ids)
    for stop in (20, 40, 60, 80):
        inv_freq = DynamicNTK().fitted(stop, 32).rope(rope).inv_freq.tolist()
        network = network_turning(inv_freq, **made_for)
        expected = naive_logits(network, ids[:stop], causal(stop))
        assert_close(logits[stop - 20 : stop], expected[stop - 20 :], atol=1e-5, rtol=0)


@given(CHANNELS, BASES, WINDOWS, st.floats(0.1, 40.0))
def test_dynamic_yarn_and_parts_have_the_factor_of_each_length(dim, base, window, times):
    length, rope = round(times * window), stock_rope(dim, base, window)
    for moving, fixed in ((DynamicYaRN(), YaRN), (DynamicByParts(beta_fast=20.0), NTKByParts)):
        scheme = moving.fitted(length, window)
        betas = {} if fixed is YaRN else {"beta_fast": 20.0}
        wanted = fixed(factor=max(1.0, length / window), **betas).rope(rope)
        found = scheme.rope(rope)
        assert torch.equal(found.inv_freq, wanted.inv_freq)
        assert found.magnitude == wanted.magnitude
        assert scheme.dynamic
        assert scheme.key_map(rope) is None
        assert scheme.window(window) is moving.window(window) is None


@pytest.mark.parametrize("plan", ["positions=dynamic-yarn", "positions=dynamic-by-parts"])
def test_a_dynamic_scheme_is_stock_within_the_window_and_fixed_beyond_it(plan):
    model, ids = tiny_model("llama"), tokens(100)
    with model.session(plan, chunk=32) as session:
        assert_close(session.logits(ids), stock_logits(model.network, ids), atol=1e-4, rtol=1e-4)
    long = tokens(model.window + 200)
    fixed = plan.replace("dynamic-", "").replace("=by-parts", "=ntk-by-parts")
    with (
        model.session(plan, chunk=4096) as moving,
        model.session(f"{fixed}(factor={len(long) / model.window})") as still,
    ):
        assert_close(moving.logits(long), still.logits(long), atol=1e-4, rtol=1e-4)
