"""PI, NTK, NTK-by-parts and YaRN: their frequencies and the logits they give, against transformers."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from longspan.positions.ntk import NTK
from longspan.positions.ntk_by_parts import NTKByParts
from longspan.positions.pi import PI
from longspan.positions.yarn import YaRN
from longspan.running.placed import PlacedTokens
from ropes import BASES, CHANNELS, FACTORS, SHARES, WINDOWS, stock_rope, theirs
from tiny import WINDOW, model_of, stock_logits, tiny_model, tiny_network, tokens


@given(CHANNELS, BASES, WINDOWS, FACTORS, SHARES)
def test_pi_is_linear_scaling(dim, base, window, factor, share):
    scaled = PI(factor=factor).rope(stock_rope(int(dim * share), base, window))
    inv_freq, magnitude = theirs("linear", dim, base, window, share=share, factor=factor)
    assert_close(scaled.inv_freq, inv_freq, rtol=1e-6, atol=0)
    assert scaled.magnitude == magnitude == 1.0


@given(CHANNELS, BASES, WINDOWS, FACTORS, SHARES, st.sampled_from([(32, 1), (16, 2), (64, 1)]))
def test_yarn_is_yarn(dim, base, window, factor, share, betas):
    rope = stock_rope(int(dim * share), base, window)
    scaled = YaRN(factor=factor, beta_fast=betas[0], beta_slow=betas[1]).rope(rope)
    inv_freq, magnitude = theirs(
        "yarn",
        dim,
        base,
        window,
        share=share,
        factor=factor,
        beta_fast=betas[0],
        beta_slow=betas[1],
        original_max_position_embeddings=window,
    )
    assert_close(scaled.inv_freq, inv_freq, rtol=2e-6, atol=0)
    assert scaled.magnitude == pytest.approx(magnitude, rel=1e-9)


def by_parts(dim: int, base: float, window: int, factor: float, fast: float, slow: float) -> list[float]:
    """Each pair's frequency, by its place between the two pairs that turn `fast` and `slow` times in the window."""

    def pair_turning(times: float) -> float:
        """The j for which window · b^(−2j/r) = 2π · times."""
        return dim / 2 * math.log(window / (2 * math.pi * times), base)

    first, last = math.floor(pair_turning(fast)), math.ceil(pair_turning(slow))
    first, last = max(first, 0), min(last, dim - 1)
    frequencies = []
    for j in range(dim // 2):
        own = base ** (-2 * j / dim)
        if j <= first:
            kept = 1.0
        elif j >= last:
            kept = 0.0
        else:
            kept = (last - j) / (last - first)
        frequencies.append(kept * own + (1 - kept) * own / factor)
    return frequencies


@given(CHANNELS, BASES, WINDOWS, FACTORS, st.sampled_from([(32, 1), (16, 2), (64, 1)]))
def test_ntk_by_parts_is_its_loop(dim, base, window, factor, betas):
    scheme = NTKByParts(factor=factor, beta_fast=betas[0], beta_slow=betas[1])
    scaled = scheme.rope(stock_rope(dim, base, window))
    expected = torch.tensor(by_parts(dim, base, window, factor, *betas))
    assert_close(scaled.inv_freq, expected, rtol=2e-6, atol=0)
    assert scaled.magnitude == 1.0


@given(CHANNELS, BASES, WINDOWS, FACTORS)
def test_ntk_is_its_formula(dim, base, window, factor):
    scaled = NTK(factor=factor).rope(stock_rope(dim, base, window))
    larger = base * factor ** (dim / (dim - 2))
    assert_close(scaled.inv_freq, larger ** -(torch.arange(0, dim, 2) / dim), rtol=1e-4, atol=0)
    assert scaled.theta == pytest.approx(larger)
    assert scaled.magnitude == 1.0


@given(CHANNELS, BASES, WINDOWS)
def test_a_factor_of_one_changes_nothing(dim, base, window):
    rope = stock_rope(dim, base, window)
    for scheme in (PI(factor=1), NTK(factor=1), NTKByParts(factor=1), YaRN(factor=1)):
        scaled = scheme.rope(rope)
        assert torch.equal(scaled.inv_freq, rope.inv_freq)
        assert scaled.magnitude == 1.0


@pytest.mark.parametrize("chunk", [64, 2048])
@pytest.mark.parametrize("family", ["llama", "glm", "cohere"])
@pytest.mark.parametrize(("plan", "kind"), [("pi", "linear"), ("yarn", "yarn")])
def test_logits_are_those_of_a_model_with_that_scaling(family, plan, kind, chunk):
    model, ids = tiny_model(family), tokens(600)
    parameters = dict(model.network.config.rope_parameters) | {"rope_type": kind, "factor": 4.0}
    if kind == "yarn":
        parameters["original_max_position_embeddings"] = WINDOW
    scaled = tiny_network(family, rope_parameters=parameters)
    expected = stock_logits(scaled, ids)
    assert (expected - stock_logits(model.network, ids)).abs().max() > 1e-3
    with model.session(f"positions={plan}(factor=4)", chunk=chunk) as session:
        assert session.window == 4 * WINDOW
        assert_close(session.logits(ids), expected, atol=1e-5, rtol=0)


def test_a_model_that_is_scaled_already_is_read_as_it_is():
    parameters = {
        "rope_type": "yarn",
        "rope_theta": 1e4,
        "factor": 4.0,
        "original_max_position_embeddings": WINDOW,
    }
    network = tiny_network("llama", rope_parameters=parameters, max_position_embeddings=4 * WINDOW)
    ids = tokens(600)
    with model_of(network).session() as session:
        assert session.window == 4 * WINDOW
        assert torch.equal(session.logits(ids), stock_logits(network, ids))


def test_sliding_layers_keep_the_positions_they_were_trained_with():
    model, ids = tiny_model("gemma3_text"), tokens(96)
    assert model.seam.windows.index(None) == 5
    with model.session("positions=yarn(factor=4)") as session:
        assert session.reached == {"positions": 1}
        for layer in model.seam.layers:
            placed = PlacedTokens(YaRN(factor=4.0), layer.rope, layer.window, 0, 4, ids.device)
            stretched = not torch.equal(placed._rope.inv_freq, layer.rope.inv_freq)
            assert stretched == (layer.window is None)
