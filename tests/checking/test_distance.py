"""What a layer does only where much lies before its tokens is seen when a model is loaded."""

import pytest
import torch
from transformers import AttentionInterface
from transformers.models.llama import modeling_llama

from longspan.errors import UnsupportedModel
from tiny import model_of, stock_logits, tiny_network, tokens

FAR = 300


def attention(*, scale=1.0, bias=None, sinks=None):
    """A causal attention that the user chose, by its formula."""

    def attend(module, query, key, value, mask, scaling, **more):
        groups = query.shape[1] // key.shape[1]
        key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
        count, total = query.shape[2], key.shape[2]
        behind = torch.arange(total - count, total)[:, None] - torch.arange(total)
        scores = (query @ key.transpose(2, 3)).float() * scaling
        scores = scores * scale if total > FAR else scores
        scores = scores if bias is None else scores + bias(behind)
        scores = scores.masked_fill(behind < 0, -torch.inf)
        if sinks is not None:
            scores = torch.cat((scores, torch.full((*scores.shape[:3], 1), sinks)), -1)
        return (scores.softmax(-1)[..., :total].to(value) @ value).transpose(1, 2), None

    return attend


FAULTS = {
    "a window": attention(bias=lambda behind: torch.where(behind >= FAR, -torch.inf, 0.0)),
    "a wide window": attention(bias=lambda behind: torch.where(behind >= 480, -torch.inf, 0.0)),
    "a bias": attention(bias=lambda behind: torch.where(behind >= FAR, -1.0, 0.0)),
    "a scale off by a tenth": attention(scale=1.1),
    "a scale off by three hundredths": attention(scale=0.97),
}


def network(dtype=torch.float32):
    """A tiny Llama with scores as large as those of trained models."""
    made = tiny_network("llama")
    with torch.no_grad():
        for weight in made.parameters():
            if weight.ndim > 1:
                weight.mul_(15 / weight.shape[-1] ** 0.5)
    return made.to(dtype)


def chosen(monkeypatch, made, attend):
    """The network with an attention of the user's, which is forgotten after the test."""
    name = f"test-{id(attend)}"
    monkeypatch.setitem(AttentionInterface._global_mapping, name, attend)
    made.set_attn_implementation(name)
    return made


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("fault", FAULTS)
def test_attention_that_changes_far_away_is_refused(monkeypatch, fault, dtype):
    with pytest.raises(UnsupportedModel, match="layer 0 attends, with 504 tokens before, otherwise"):
        model_of(chosen(monkeypatch, network(dtype), FAULTS[fault]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_attention_that_does_not_change_is_reproduced(monkeypatch, dtype):
    made, ids = chosen(monkeypatch, network(dtype), attention()), tokens(500)
    stock = stock_logits(made, ids).float()
    with model_of(made).session(chunk=97) as session:
        apart = (session.logits(ids).float() - stock).norm() / (stock - stock.mean()).norm()
    assert apart < (1e-4 if dtype == torch.float32 else 0.1)


def on_its_own(monkeypatch, layer, attend):
    """Has a layer take `attend` where it is its own, and what it is given where it is borrowed."""
    monkeypatch.setitem(AttentionInterface._global_mapping, "test-own", attend)
    forward, config = layer.forward, layer.config

    def by_name(*inputs, **named):
        implementation = config._attn_implementation
        try:
            config._attn_implementation = (
                "test-own" if implementation in ("eager", "sdpa") else implementation
            )
            return forward(*inputs, **named)
        finally:
            config._attn_implementation = implementation

    monkeypatch.setattr(layer, "forward", by_name)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("fault", [*FAULTS, "sinks"])
def test_a_layer_with_an_attention_of_its_own_is_seen_through(monkeypatch, fault, dtype):
    made = network(dtype)
    attend = FAULTS.get(fault, attention(sinks=1.0))
    on_its_own(monkeypatch, made.model.layers[1].self_attn, attend)
    with pytest.raises(UnsupportedModel, match=r"attends, with|logits differ"):
        model_of(made)


def louder(module, inputs, named):
    """Scales what a layer sees by how much lies before."""
    cache = named.get("cache")
    if cache is None or cache.get_seq_length() < FAR:
        return inputs, named
    return inputs, named | {"hidden_states": 0.9 * named["hidden_states"]}


def test_queries_that_change_far_away_are_refused():
    made = network()
    made.model.layers[1].self_attn.register_forward_pre_hook(louder, with_kwargs=True)
    with pytest.raises(UnsupportedModel, match="layer 1 hands over other queries, keys or values where 504"):
        model_of(made)


@pytest.mark.parametrize("name", ["softcap", "s_aux", "scaling"])
def test_keywords_that_change_far_away_are_refused(monkeypatch, name):
    given = {"softcap": 5.0, "s_aux": torch.ones(4), "scaling": 0.3}[name]

    wrapped = modeling_llama.ALL_ATTENTION_FUNCTIONS

    class Asking:
        """Gives each layer an attention that is asked for something else far away."""

        @staticmethod
        def get_interface(implementation, default):
            attention = wrapped.get_interface(implementation, default)

            def ask(module, query, key, value, mask, **keywords):
                changed = {name: given} if key.shape[2] > FAR else {}
                return attention(module, query, key, value, mask, **keywords | changed)

            return ask

    made = network()
    made.set_attn_implementation("eager")
    monkeypatch.setattr(modeling_llama, "ALL_ATTENTION_FUNCTIONS", Asking)
    with pytest.raises(UnsupportedModel, match=f"another {name} far from the first tokens"):
        model_of(made)


def test_a_cache_that_forgets_is_refused():
    made = network()

    def cut(module, inputs, named):
        cache = named.get("cache")
        if cache is None or cache.get_seq_length() < FAR:
            return inputs, named
        layer, update = cache.layers[module.layer_idx], cache.layers[module.layer_idx].update
        layer.update = lambda *given, **more: tuple(each[:, :, -FAR:] for each in update(*given, **more))
        return inputs, named

    made.model.layers[2].self_attn.register_forward_pre_hook(cut, with_kwargs=True)
    with pytest.raises(UnsupportedModel, match="layer 2 attends to other keys and values than it made"):
        model_of(made)
