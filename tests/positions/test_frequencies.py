"""PI, NTK and YaRN: their frequencies and the logits they give, against transformers."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close
from transformers import LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from longspan.positions.base import Rope
from longspan.positions.ntk import NTK
from longspan.positions.pi import PI
from longspan.positions.yarn import YaRN
from tiny import WINDOW, model_of, stock_logits, tiny_model, tiny_network, tokens

channels = st.sampled_from([8, 16, 64, 96, 128])
bases = st.sampled_from([1e4, 5e5, 1e6])
windows = st.sampled_from([512, 2048, 8192, 131_072])
factors = st.sampled_from([1.0, 1.5, 2.0, 4.0, 16.0, 64.0])


def stock(dim: int, base: float, window: int) -> Rope:
    inv_freq = base ** -(torch.arange(0, dim, 2) / dim)
    return Rope(inv_freq=inv_freq, magnitude=1.0, interleaved=False, theta=base, window=window)


def theirs(kind: str, dim: int, base: float, window: int, **parameters) -> tuple[torch.Tensor, float]:
    """Frequencies and attention factor of transformers."""
    config = LlamaConfig(
        hidden_size=4 * dim,
        num_attention_heads=4,
        head_dim=dim,
        max_position_embeddings=window,
        rope_parameters={"rope_type": kind, "rope_theta": base, **parameters},
    )
    return ROPE_INIT_FUNCTIONS[kind](config, torch.device("cpu"))


@given(channels, bases, windows, factors)
def test_pi_is_linear_scaling(dim, base, window, factor):
    scaled = PI(factor=factor).rope(stock(dim, base, window))
    inv_freq, magnitude = theirs("linear", dim, base, window, factor=factor)
    assert_close(scaled.inv_freq, inv_freq, rtol=1e-6, atol=0)
    assert scaled.magnitude == magnitude == 1.0


@given(channels, bases, windows, factors, st.sampled_from([(32, 1), (16, 2), (64, 1)]))
def test_yarn_is_yarn(dim, base, window, factor, betas):
    scaled = YaRN(factor=factor, beta_fast=betas[0], beta_slow=betas[1]).rope(stock(dim, base, window))
    inv_freq, magnitude = theirs(
        "yarn",
        dim,
        base,
        window,
        factor=factor,
        beta_fast=betas[0],
        beta_slow=betas[1],
        original_max_position_embeddings=window,
    )
    assert_close(scaled.inv_freq, inv_freq, rtol=2e-6, atol=0)
    assert scaled.magnitude == pytest.approx(magnitude, rel=1e-9)


@given(channels, bases, windows, factors)
def test_ntk_is_its_formula(dim, base, window, factor):
    scaled = NTK(factor=factor).rope(stock(dim, base, window))
    larger = base * factor ** (dim / (dim - 2))
    assert_close(scaled.inv_freq, larger ** -(torch.arange(0, dim, 2) / dim), rtol=1e-4, atol=0)
    assert scaled.theta == pytest.approx(larger)
    assert scaled.magnitude == 1.0


@given(channels, bases, windows)
def test_a_factor_of_one_changes_nothing(dim, base, window):
    rope = stock(dim, base, window)
    for scheme in (PI(factor=1), NTK(factor=1), YaRN(factor=1)):
        scaled = scheme.rope(rope)
        assert_close(scaled.inv_freq, rope.inv_freq, rtol=1e-6, atol=0)
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
    model, ids = tiny_model("mistral"), tokens(96)
    with model.session("positions=yarn(factor=4)") as session:
        assert torch.equal(session.logits(ids), stock_logits(model.network, ids))
