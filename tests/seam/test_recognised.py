"""Which networks are recognised, by what they do; and they do the same."""

import pytest
import torch

from longspan.kernels import packed
from longspan.seam.seam import Seam
from tiny import model_of, packed_network, tiny_network, tokens

pytestmark = pytest.mark.skipif(
    not packed.suits(packed.gguf.GGMLQuantizationType.Q8_0, 64), reason="no compiler"
)

KNOWN = {
    "llama": {},
    "mistral": {},  # layers with a window
    "qwen2": {},  # biases
    "qwen3": {},  # single heads are normed
    "gemma": {},  # gains are one more than the weights, another activation
    "smollm3": {},  # layers that do not rotate
    "llama tied": {"tie_word_embeddings": True},
    "llama biased": {"attention_bias": True, "mlp_bias": True},
}
# They norm what they add, multiply it, send tokens to experts, run both halves side by side, norm otherwise ...
OTHER = ["gemma2", "granite", "mixtral", "cohere", "phi3", "stablelm", "olmo2", "gpt_neox"]


@pytest.mark.parametrize("family", KNOWN)
def test_known(family):
    assert Seam(packed_network(family.split()[0], **KNOWN[family])).whole is not None


@pytest.mark.parametrize("family", OTHER)
def test_other(family):
    assert Seam(packed_network(family)).whole is None


def test_other_number_formats_run_as_they_came():
    assert Seam(packed_network("llama", dtype=torch.float16)).whole is None


def test_expanded_weights_run_as_they_came():
    assert Seam(tiny_network("llama")).whole is None


@pytest.mark.parametrize("family", ["llama", "mistral", "qwen2", "qwen3", "smollm3"])
def test_logits_are_those_of_the_modules(family):
    model, ids = model_of(packed_network(family)), tokens(100)
    with model.session(chunk=32) as session:
        found = session.logits(ids)
    stock = model.seam.stock(ids)
    assert float((found - stock).norm()) <= 0.05 * float((stock - stock.mean()).norm())


def test_a_network_that_is_watched_runs_through_its_modules():
    model = model_of(packed_network("llama"))
    module = model.network.model.layers[1].mlp
    seen = []
    assert model.seam.whole is not None
    hook = module.register_forward_hook(lambda *given: seen.append(given[2].shape))
    with model.session() as session:
        session.read(tokens(5))
    hook.remove()
    assert [tuple(each) for each in seen] == [(1, 5, 64)]
    assert model.seam.whole is not None


def doubled_embedding(network):
    embedding = network.get_input_embeddings()
    own = type(embedding).forward
    network.model.register_forward_pre_hook(
        lambda module, given, named: (
            given,
            named | {"inputs_embeds": 2 * own(embedding, named.pop("input_ids"))},
        ),
        with_kwargs=True,
    )


def changed_eps(network):
    network.model.layers[1].post_attention_layernorm.variance_epsilon = 0.3


def multiplied_residual(network):
    inner = network.model.layers[1].mlp
    own = type(inner).forward
    inner.forward = lambda x: 0.9 * own(inner, x)


@pytest.mark.parametrize("change", [changed_eps, multiplied_residual, doubled_embedding])
def test_what_a_layer_does_besides_is_noticed(change):
    network = packed_network("llama")
    change(network)
    model = model_of(network)
    ids = tokens(40)
    with model.session() as session:
        found = session.logits(ids)
    stock = model.seam.stock(ids)
    assert float((found - stock).norm()) <= 0.05 * float((stock - stock.mean()).norm())


def test_vectors_and_tokens_that_leave(tmp_path):
    model, ids = model_of(packed_network("llama")), tokens(60)
    with model.session("pattern=uniprefill", chunk=60) as session:
        session.read(ids)
        assert torch.isfinite(session.next_logits).all()
