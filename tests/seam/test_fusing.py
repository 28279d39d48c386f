"""Modules that compute a known formula run in one pass for the time of a loan, all others as they came."""

from contextlib import contextmanager

import pytest
import torch
from torch import nn

from longspan.kernels import fused
from longspan.seam.fusing import Fused
from tiny import model_of, stock_logits, tiny_network, tokens

needs_compiler = pytest.mark.skipif(fused._library() is None, reason="no C++ compiler")
WIDTH = 64
# Families, what of theirs is fused, and what is not.
FAMILIES = {
    "llama": ({"LlamaRMSNorm": 7, "LlamaMLP": 3}, set()),
    "phi3": ({"Phi3RMSNorm": 7, "Phi3MLP": 3}, set()),
    "gemma3_text": ({"Gemma3RMSNorm": 43, "Gemma3MLP": 7}, set()),
    "olmo2": ({"Olmo2RMSNorm": 13, "Olmo2MLP": 3}, set()),
    "cohere": ({"CohereMLP": 3}, {"CohereLayerNorm"}),
    "gpt_neox": ({}, {"LayerNorm", "GPTNeoXMLP"}),
    "nemotron": ({}, {"NemotronLayerNorm1P", "NemotronMLP"}),
    "mixtral": ({"MixtralRMSNorm": 7}, {"MixtralExperts", "MixtralSparseMoeBlock"}),
    "gpt_oss": ({"GptOssRMSNorm": 7}, {"GptOssExperts", "GptOssMLP"}),
}


class Failed(Exception):
    """Raised on purpose."""


def kinds(modules):
    """How many modules of each class."""
    names = [type(module).__name__ for module in modules]
    return {name: names.count(name) for name in names}


def exchanged(network):
    """The modules that run something else than what their class says."""
    return [module for module in network.modules() if "forward" in vars(module)]


@contextmanager
def installed(network):
    with Fused(network, WIDTH).installed(), torch.inference_mode():
        yield


@needs_compiler
@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_fused_is_known_by_what_it_computes(family):
    network = tiny_network(family).bfloat16()
    wanted, left = FAMILIES[family]
    with installed(network):
        assert kinds(exchanged(network)) == wanted
        assert left <= {type(module).__name__ for module in network.modules()}
    assert not exchanged(network)


@needs_compiler
@pytest.mark.parametrize("family", ["llama", "phi3", "gemma3_text", "olmo2"])
def test_a_fused_network_is_as_near_to_the_exact_one_as_stock(family):
    network, ids = tiny_network(family), tokens(700)
    exact = stock_logits(network, ids)
    noise = (stock_logits(network.bfloat16(), ids).float() - exact).norm()
    with installed(network):
        logits = stock_logits(network, ids)
    assert 0 < (logits.float() - exact).norm() < 1.1 * noise
    assert not torch.equal(logits, stock_logits(network, ids))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_other_formats_are_left_alone(dtype):
    network = tiny_network("llama").to(dtype)
    with installed(network):
        assert not exchanged(network)


def test_without_a_compiler_all_is_left_alone(monkeypatch):
    monkeypatch.setattr(fused, "_library", lambda: None)
    network = tiny_network("llama").bfloat16()
    with installed(network):
        assert not exchanged(network)


class Norm(nn.Module):
    """A norm by a formula of the test's."""

    def __init__(self, formula, eps=1e-6):
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(-1, 2, WIDTH).bfloat16())
        self.formula, self.eps = formula, eps

    def forward(self, x):
        return self.formula(x.float(), self.weight.float(), self.eps).to(x.dtype)


def root(x, eps):
    return torch.rsqrt(x.square().mean(-1, keepdim=True) + eps)


NORMS = {
    "plain": (lambda x, w, eps: x * root(x, eps) * w, True),
    "one more": (lambda x, w, eps: x * root(x, eps) * (1 + w), True),
    "weight rounded": (lambda x, w, eps: (x * root(x, eps)).bfloat16() * w.bfloat16(), True),
    "with a mean": (lambda x, w, eps: (x - x.mean(-1, keepdim=True)) * root(x, eps) * w, False),
    "eps twice": (lambda x, w, eps: x * root(x, 2 * eps) * w, False),
    "eps outside": (lambda x, w, eps: x / (x.square().mean(-1, keepdim=True).sqrt() + eps) * w, False),
    "two more": (lambda x, w, eps: x * root(x, eps) * (2 + w), False),
    "in parts": (
        lambda x, w, eps: (x.unflatten(-1, (2, -1)) * root(x.unflatten(-1, (2, -1)), eps)).flatten(-2) * w,
        False,
    ),
    "a pair": (lambda x, w, eps: torch.stack((x, w * x)), False),
}


@needs_compiler
@pytest.mark.parametrize("name", NORMS)
def test_norms_of_other_formulas_are_left_alone(name):
    formula, same = NORMS[name]
    norm = Norm(formula)
    x = torch.randn(2, 5, WIDTH, generator=torch.Generator().manual_seed(1)).bfloat16()
    expected = norm(x)
    with installed(norm):
        assert bool(exchanged(norm)) == same
        torch.testing.assert_close(norm(x), expected, rtol=0 if not same else 3 * 2**-8, atol=0)


class Gated(nn.Module):
    """A gated network by a formula of the test's."""

    def __init__(self, formula, activation):
        super().__init__()
        self.gate, self.up, self.down = (
            nn.Linear(*sizes) for sizes in ((WIDTH, 96), (WIDTH, 96), (96, WIDTH))
        )
        self.act, self.formula = activation, formula

    def forward(self, x, scale=1.0):
        return self.down(self.formula(self.act, self.gate(x), self.up(x))) * scale


def product(act, gate, up):
    return act(gate) * up


GATED = {
    "silu": (product, nn.SiLU(), True),
    "turned round": (lambda act, gate, up: up * act(gate), nn.SiLU(), True),
    "gelu by tanh": (product, nn.GELU(approximate="tanh"), True),
    "gelu": (product, nn.GELU(), False),
    "relu": (product, nn.ReLU(), False),
    "no product": (lambda act, gate, up: act(gate), nn.SiLU(), False),
    "a sum": (lambda act, gate, up: act(gate) + up, nn.SiLU(), False),
    "scaled": (lambda act, gate, up: act(gate) * 2 * up, nn.SiLU(), False),
    "bounded": (lambda act, gate, up: act(gate).clamp(max=1) * up, nn.SiLU(), False),
    "squared": (lambda act, gate, up: act(gate).square() * up, nn.SiLU(), False),
    "one gate for all": (lambda act, gate, up: act(gate[..., :1]) * up, nn.SiLU(), False),
    "from token to token": (lambda act, gate, up: act(gate) * up.cumsum(-2), nn.SiLU(), False),
}  # fmt: skip


@needs_compiler
@pytest.mark.parametrize("name", GATED)
def test_networks_of_other_formulas_are_left_alone(name):
    formula, activation, same = GATED[name]
    torch.manual_seed(0)
    network = Gated(formula, activation).bfloat16().requires_grad_(False)
    x = torch.randn(1, 1300, WIDTH).bfloat16()
    expected = network(x)
    with installed(network):
        assert (network in exchanged(network)) == same
        found = network(x)
        assert exchanged(network) == [network] * same  # the activation is its own again
    if not same:
        assert torch.equal(found, expected)
    assert (found.float() - expected.float()).norm() < 2**-7 * expected.float().norm()


@needs_compiler
def test_modules_are_tried_once_for_all_that_differ_in_weights_only():
    def counted(act, gate, up):
        tried.append(gate.shape)
        return act(gate) * up

    def other(act, gate, up):
        return act(gate).clamp(max=1) * up

    tried = []
    networks = nn.ModuleList(Gated(counted, nn.SiLU()) for _ in range(4)).bfloat16().requires_grad_(False)
    networks.append(Gated(other, nn.SiLU()).bfloat16().requires_grad_(False))
    with installed(networks):
        assert exchanged(networks) == list(networks)[:4]
    assert len(tried) == 1 + 3  # whole, and in slices of at most three of seven tokens


@needs_compiler
def test_other_arguments_are_left_to_the_module():
    torch.manual_seed(0)
    network = Gated(product, nn.SiLU()).bfloat16().requires_grad_(False)
    x = torch.randn(1, 600, WIDTH).bfloat16()
    expected, in_full = network(x, scale=2.0), network.float()(x.float())
    network.bfloat16()
    with installed(network):
        assert torch.equal(network(x, 2.0), expected)
        assert torch.equal(network(x, scale=2.0), expected)
        network.float()
        assert torch.equal(network(x.float()), in_full)


@needs_compiler
def test_weights_are_those_of_the_moment():
    norm = Norm(NORMS["plain"][0])
    x = torch.randn(3, WIDTH, generator=torch.Generator().manual_seed(1)).bfloat16()
    known = Fused(norm, WIDTH)
    with torch.no_grad():
        norm.weight.mul_(3)
    expected = norm(x)
    with known.installed(), torch.inference_mode():
        assert exchanged(norm)
        torch.testing.assert_close(norm(x), expected, rtol=2**-7, atol=0)


@needs_compiler
def test_a_watched_activation_is_seen_as_it_is():
    network = tiny_network("llama").bfloat16()
    seen = []
    network.model.layers[1].mlp.act_fn.register_forward_hook(
        lambda module, given, result: seen.append(result)
    )
    with model_of(network).session() as session:
        session.logits(tokens(20))
    assert seen
    assert all(isinstance(each, torch.Tensor) for each in seen)


@needs_compiler
def test_a_forward_that_the_user_gave_is_kept():
    network = tiny_network("llama").bfloat16()
    model = model_of(network)
    calls = []

    def mine(x):
        calls.append(len(x))
        return type(network.model.norm).forward(network.model.norm, x)

    network.model.norm.forward = mine
    with model.session() as session:
        session.logits(tokens(20))
    assert calls
    assert exchanged(network) == [network.model.norm]
    assert network.model.norm.forward is mine


@needs_compiler
def test_all_is_given_back_after_an_exception():
    network = tiny_network("llama").bfloat16()
    known = Fused(network, WIDTH)

    def fail(module, given, result):
        assert exchanged(network)
        raise Failed

    network.model.layers[1].mlp.down_proj.register_forward_hook(fail)
    with pytest.raises(Failed), known.installed(), torch.inference_mode():
        network(tokens(600)[None])
    assert not exchanged(network)


@needs_compiler
def test_a_loan_within_a_loan_ends_with_the_outer_one():
    network = tiny_network("llama").bfloat16()
    known = Fused(network, WIDTH)
    with known.installed():
        all_of_them = exchanged(network)
        with known.installed():
            assert exchanged(network) == all_of_them
        assert exchanged(network) == all_of_them
    assert all_of_them
    assert not exchanged(network)


@needs_compiler
def test_a_session_leaves_nothing_behind():
    network, ids = tiny_network("gemma3_text").bfloat16(), tokens(80)
    stock = stock_logits(network, ids)
    with model_of(network).session(chunk=16) as session:
        session.read(ids)
        for _ in session.generate(max_new_tokens=3):
            assert not exchanged(network)
            assert torch.equal(stock_logits(network, ids), stock)
    assert not exchanged(network)
