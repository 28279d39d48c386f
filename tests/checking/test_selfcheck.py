"""Faults that the self-check must see, in fp32 and in low precision, and what it must not refuse."""

from dataclasses import replace

import pytest
import torch
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from families import generic
from longspan.checking import selfcheck
from longspan.checking.noise import own_noise
from longspan.checking.selfcheck import self_check
from longspan.errors import CorruptModel, UnsupportedModel
from longspan.running.passing import Pass
from longspan.seam.seam import Seam
from tiny import model_of, packed_network, stock_logits, tiny_network, tokens

DTYPES = [torch.float32, torch.bfloat16, torch.float16]


def told(**wrong):
    """A fault in how a layer makes weights."""
    return lambda call: replace(call, softmax=replace(call.softmax, **wrong))


def sharper(call, factor):
    return told(scale=factor * call.softmax.scale)(call)


FAULTS = {
    "scale of all layers": ("llama", lambda call: sharper(call, 1.1)),
    "scale of one layer": (
        "llama",
        lambda call: sharper(call, 1.25 if call.layer == 1 else 1.0),
    ),
    "soft cap": ("gemma2", told(softcap=None)),
    "sinks": ("gpt_oss", told(sinks=None)),
    "values of one head": (
        "qwen3",
        lambda call: replace(call, value=torch.cat((call.value[:1], 1.1 * call.value[1:]))),
    ),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_a_layer_is_refused(monkeypatch, fault, dtype):
    family, broken = FAULTS[fault]
    network = tiny_network(family, num_hidden_layers=4).to(dtype)
    own = Pass.attention
    assert model_of(network).checked.dtype == str(dtype).removeprefix("torch.")
    monkeypatch.setattr(Pass, "attention", lambda self, call: own(self, broken(call)))
    with pytest.raises(UnsupportedModel, match=r"layer \d attends otherwise through the seam than by itself"):
        model_of(network)


EXPERTS = {
    "scale of all layers": ("laguna", lambda call: sharper(call, 1.03)),
    "scale of one layer": ("jetmoe", lambda call: sharper(call, 1.03 if call.layer == 1 else 1.0)),
    "sinks": ("mimo_v2_flash", told(sinks=None)),
}


@pytest.mark.parametrize("fault", EXPERTS)
def test_experts_in_low_precision_are_accepted_if_each_layer_is_right(monkeypatch, fault):
    """A rounding step sends tokens to other experts, so that the stock model differs from itself by up to 0.2.

    By how much longspan differs from it here is the processor's luck, so less is allowed than it does on any.
    """
    family, broken = EXPERTS[fault]
    network = generic(family).to(torch.bfloat16)
    monkeypatch.setitem(selfcheck._TOLERANCE, torch.bfloat16, 0.02)  # a dense network differs by 0.015
    checked = model_of(network).checked
    assert 0.02 < checked.difference <= checked.tolerance <= 0.6
    own = Pass.attention
    monkeypatch.setattr(Pass, "attention", lambda self, call: own(self, broken(call)))
    with pytest.raises(UnsupportedModel, match=r"layer \d attends otherwise through the seam than by itself"):
        model_of(network)


@pytest.mark.parametrize(("made", "minds"), [(packed_network, True), (tiny_network, False)])
def test_noise_is_in_what_comes_to_products_that_round(made, minds):
    """Apart from attention, of which nothing is seen here."""
    seam, ids = Seam(made("llama")), tokens(24)
    seen, stock = replace(seam.watched(), handed=[]), seam.stock(ids)
    assert (own_noise(seam, seen, ids, stock, enough=torch.inf) > 1e-4) == minds


@pytest.mark.parametrize("more", [-1, 1])
def test_a_window_that_is_off_by_one_is_refused_with_experts_too(more):
    seam = Seam(generic("mimo_v2_flash").to(torch.bfloat16))
    seam.layers = [
        replace(layer, window=layer.window + more) if layer.window and layer.window < seam.window else layer
        for layer in seam.layers
    ]
    with pytest.raises(UnsupportedModel, match="otherwise than by its scale, window"):
        self_check(seam)


def test_what_no_noise_explains_is_refused_with_experts_too(monkeypatch):
    network = generic("jetmoe").to(torch.bfloat16)
    own = Seam.forward

    def other(self, *arguments, **more):
        logits = own(self, *arguments, **more)
        return logits + logits.std() * torch.randn(logits.shape, generator=torch.Generator().manual_seed(1))

    monkeypatch.setattr(Seam, "forward", other)
    with pytest.raises(UnsupportedModel, match="its logits differ from the stock model's by"):
        model_of(network)


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_attention_of_the_users_own_is_what_counts_as_stock(dtype):
    def louder(module, query, key, value, mask, scaling=None, **more):
        return sdpa_attention_forward(module, query, key, value, mask, scaling=1.1 * scaling, **more)

    AttentionInterface.register("louder", louder)
    network = tiny_network("llama").to(dtype)
    network.config._attn_implementation = "louder"
    with pytest.raises(UnsupportedModel, match=r"than (attend )?by its scale"):
        model_of(network)


@pytest.mark.parametrize("family", ["hunyuan_v1_dense", "hunyuan_v1_moe", "nanochat"])
@pytest.mark.parametrize("plan", ["", "positions=pi(factor=1)", "policy=streamingllm(budget=1000)"])
def test_a_norm_behind_the_rotation_is_part_of_it(family, plan):
    network, ids = tiny_network(family), tokens(400)
    model = model_of(network)
    assert all(layer.rope.key_skew is not None for layer in model.seam.layers)
    with model.session(plan, chunk=100) as session:
        mine, theirs = session.logits(ids), stock_logits(network, ids)
    assert float((mine - theirs).norm() / theirs.norm()) < 1e-5


@pytest.mark.parametrize(
    "weight", ["model.layers.1.mlp.up_proj.weight", "lm_head.weight", "model.norm.weight"]
)
def test_a_weight_that_is_no_number_is_named(weight):
    network = tiny_network("llama")
    network.get_parameter(weight).view(-1)[3] = float("nan")
    with pytest.raises(CorruptModel, match=f"weight '{weight}' of the model holds values that are no finite"):
        model_of(network)


def test_numbers_that_overflow_are_named_with_their_format():
    network = tiny_network("llama")
    for layer in network.model.layers:
        layer.mlp.down_proj.weight.mul_(2e4)
        layer.mlp.up_proj.weight.mul_(2e4)
    assert all(bool(weight.half().isfinite().all()) for weight in network.parameters())
    with pytest.raises(
        UnsupportedModel, match="its numbers overflow in float16; load it with dtype='float32'"
    ):
        model_of(network.half())
