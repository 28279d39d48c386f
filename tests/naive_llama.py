"""A Llama written as its formulas, with an explicit matrix of who sees whom and from how far."""

from collections.abc import Callable

import torch
from transformers import LlamaForCausalLM


def causal(count: int) -> torch.Tensor:
    """Every query sees itself and what came before it: bool `[count, count]`."""
    return torch.ones(count, count, dtype=torch.bool).tril()


def distances(count: int) -> torch.Tensor:
    """How far key j is from query i: `[count, count]`."""
    return torch.arange(count)[:, None] - torch.arange(count)


def naive_logits(
    network: LlamaForCausalLM,
    ids: torch.Tensor,
    visible: torch.Tensor | Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    relative: torch.Tensor | None = None,
    query_scale: torch.Tensor | None = None,
) -> torch.Tensor:
    """Logits `[n, vocab]`. relative: the distance that the rotation shows, `[n, n]`, or `[n, n, pairs]` where pairs of
    channels differ. query_scale `[n]`: what the scores of each query are multiplied with.

    visible: bool `[n, n]` or `[heads, n, n]`, or what makes it from a layer's rotated queries and keys
    `[heads, n, dim]` (keys repeated for the heads that share them).
    """
    relative = distances(len(ids)) if relative is None else relative
    relative = relative[..., None] if relative.dim() == 2 else relative
    query_scale = torch.ones(len(ids)) if query_scale is None else query_scale
    turn = torch.polar(torch.ones(()), relative * network.model.rotary_emb.inv_freq)
    place = torch.polar(torch.ones(()), torch.arange(len(ids))[:, None] * network.model.rotary_emb.inv_freq)
    group = network.config.num_attention_heads // network.config.num_key_value_heads

    def heads(x: torch.Tensor) -> torch.Tensor:
        return x.unflatten(-1, (-1, network.config.head_dim)).transpose(0, 1)

    def pairs(x: torch.Tensor) -> torch.Tensor:
        return torch.complex(*x.chunk(2, -1))

    with torch.no_grad():
        x = network.model.embed_tokens(ids)
        for layer in network.model.layers:
            attention = layer.self_attn
            normed = layer.input_layernorm(x)
            query = pairs(heads(attention.q_proj(normed)))
            key = pairs(heads(attention.k_proj(normed))).repeat_interleave(group, 0)
            value = heads(attention.v_proj(normed)).repeat_interleave(group, 0)
            scores = (query[:, :, None] * turn * key[:, None].conj()).real.sum(-1) * attention.scaling
            scores = scores * query_scale[:, None]
            mask = visible
            if callable(visible):
                mask = visible(*(torch.cat(((x * place).real, (x * place).imag), -1) for x in (query, key)))
            weights = scores.masked_fill(~mask, -torch.inf).softmax(-1)
            x = x + attention.o_proj((weights @ value).transpose(0, 1).flatten(1))
            x = x + layer.mlp(layer.post_attention_layernorm(x))
        return network.lm_head(network.model.norm(x))
