"""What a model hands to attention beside queries, keys and values is understood, or refused by name."""

import pytest
import torch

from longspan.errors import UnsupportedModel
from tiny import model_of, stock_logits, tiny_network, tokens

IDS = tokens(80)


def handing(**keywords):
    """A network whose middle layer hands more to its attention."""
    network = tiny_network("llama", num_hidden_layers=3)
    layer = network.model.layers[1].self_attn
    own = layer.forward
    layer.forward = lambda *given, **named: own(*given, **named | keywords)
    return network


@pytest.mark.parametrize(
    ("keywords", "said"),
    [
        ({"position_bias": torch.zeros(1, 4, 1, 1)}, "position_bias, a tensor of shape [1, 4, 1, 1]"),
        ({"block_indices": torch.zeros(1, 2, dtype=torch.long)}, "block_indices, a tensor of shape [1, 2]"),
        ({"head_mask": torch.ones(4)}, "head_mask, a tensor of shape [4]"),
        ({"alibi": torch.ones(4)}, "alibi, a tensor"),
        ({"keep_window_size": 64}, "keep_window_size=64"),
        ({"is_causal": False}, "is_causal=False"),
        ({"temperature": 0.7}, "temperature=0.7"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_keyword_of_attention_that_means_something_is_refused_by_name(keywords, said):
    with pytest.raises(UnsupportedModel) as caught:
        model_of(handing(**keywords))
    assert f"layer 1 hands {said}" in str(caught.value)


@pytest.mark.parametrize(
    "keywords", [{"output_attentions": False}, {"head_mask": None}, {"cache_position": None}]
)
def test_a_keyword_that_means_nothing_is_let_through(keywords):
    assert model_of(handing(**keywords)).checked.difference < 1e-5


def test_a_keyword_that_comes_only_later_stops_the_pass():
    network = tiny_network("llama")
    model = model_of(network)
    layer = network.model.layers[1].self_attn
    own = layer.forward
    layer.forward = lambda *given, **named: own(*given, **named | {"block_indices": torch.zeros(3)})
    with pytest.raises(UnsupportedModel, match="given block_indices, a tensor"), model.session() as session:
        session.read(IDS)


WINDOWED = {"use_sliding_window": True, "sliding_window": 40, "max_window_layers": 1}


@pytest.mark.parametrize(
    ("family", "changes", "windows"),
    [
        ("qwen2_moe", WINDOWED | {"num_experts": 4, "moe_intermediate_size": 32}, [40, None, None]),
        ("phimoe", {"sliding_window": 40, "num_local_experts": 4}, [40, 40, 40]),
        ("qwen2", WINDOWED, [None, 40, 40]),
        ("starcoder2", {"sliding_window": 200}, [200, 200, 200]),
    ],
)
def test_windows_are_those_of_the_masks(family, changes, windows):
    network, ids = tiny_network(family, **changes), tokens(300)
    model = model_of(network)
    assert model.seam.windows == windows
    with model.session(chunk=64) as session:
        mine, theirs = session.logits(ids), stock_logits(network, ids)
    assert float((mine - theirs).norm() / theirs.norm()) < 1e-5


@pytest.mark.parametrize(
    ("mask", "fault"),
    [
        (lambda batch, head, query, key: key // 100 == query // 100, "neither causal nor one window"),
        (
            lambda batch, head, query, key: (key <= query) & ((key + query) % 97 > 0),
            "neither causal nor one window",
        ),
        (lambda batch, head, query, key: (key <= query) | (key < 500), "neither causal nor one window"),
        (
            lambda batch, head, query, key: (key <= query) & ((head < 2) | (key > query - 50)),
            "neither causal",
        ),
        (
            lambda batch, head, query, key: torch.ones(24, dtype=torch.bool)[key] & (key <= query),
            "than positions",
        ),
    ],
    ids=["chunked", "with holes", "prefix", "by head", "by token"],
)
def test_a_mask_that_is_more_than_a_window_is_refused_however_long_it_takes_to_show(monkeypatch, mask, fault):
    from transformers import masking_utils

    monkeypatch.setattr(masking_utils, "causal_mask_function", mask)
    with pytest.raises(UnsupportedModel, match=fault):
        model_of(tiny_network("llama"))


@pytest.mark.parametrize("inside", [True, False])
def test_a_network_that_mixes_tokens_beside_attention_is_refused_for_that(inside):
    network = tiny_network("llama")
    mixing = network.model.layers[1].mlp if inside else network.model.layers[1].post_attention_layernorm
    mixing.register_forward_hook(lambda module, given, result: result + 0.1 * result.cumsum(1))
    with pytest.raises(
        UnsupportedModel, match="before layer 2 something besides attention goes from token to token"
    ):
        model_of(network)
