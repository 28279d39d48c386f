"""How much each layer suffers when entries go while text is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from longspan.conversation import begin_ids
from longspan.profiles.heads import SMALLEST
from longspan.profiles.prose import prose
from longspan.profiles.reading import LENGTH, full_layers
from longspan.running.reader import Reader, chunk_ends
from longspan.seam.seam import Seam

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

STRETCH = 100
"""Tokens whose keys are compared as one vector."""


def shape(seam: Seam) -> tuple[int, ...]:
    """Of the sensitivities."""
    return (len(seam.layers),)


def measure(seam: Seam, tokenizer: PreTrainedTokenizerFast) -> Tensor:
    """1 − similarity of a layer's keys with and without eviction, fp32 `[layers]` in 0 .. 2.

    EpiCache, https://arxiv.org/abs/2509.17396: a text is read twice, once with all entries and once block by block,
    where each block sees only the first tokens and the second half of the block before. Keys are compared by cosine
    in stretches of 100 tokens, mean over stretches and heads. 0 stands for layers with a window, which never lose
    entries to a policy; all others are above 0.

    The authors read a book with blocks of 4096 tokens and 128 first tokens. Here there is no book: the text is at most
    2048 tokens of sentences made from templates (`prose`), no two alike, and both shrink with it, to a quarter and a
    sixteenth.
    """
    found = torch.zeros(shape(seam))
    if not full_layers(seam):
        return found
    length = min(seam.window, LENGTH)
    begin = begin_ids(tokenizer)
    ids = [*begin, *prose(tokenizer, length - len(begin))]
    block, sinks = max(2, length // 4), length // 16
    whole, evicted = (keys_read(seam, ids, block, sinks=some) for some in (None, sinks))
    for layer in full_layers(seam):
        found[layer] = max(SMALLEST, 1 - similarity(whole[layer], evicted[layer]))
    return found


def keys_read(seam: Seam, ids: list[int], block: int, *, sinks: int | None) -> dict[int, Tensor]:
    """The keys `[kv_heads, n, dim]` of all tokens, by layer, read in blocks.

    sinks: after each block only so many first tokens and half a block stay; None keeps all.
    """
    parts: dict[int, list[Tensor]] = {layer: [] for layer in full_layers(seam)}
    with Reader(seam, window=seam.window, length=len(ids)) as reader:
        before = 0
        for end in reader.read(ids, chunk_ends(len(ids), block)):
            for layer, some in parts.items():
                store = reader.layers[layer].store
                some.append(store.vectors()[0][:, before - end :].float().cpu())
                held = store.lengths[0]
                if sinks is not None and held > sinks + block // 2:
                    stay = torch.cat((torch.arange(sinks), torch.arange(held - block // 2, held)))
                    store.keep([stay.to(seam.device)] * store.heads)
            before = end
    return {layer: torch.cat(some, 1) for layer, some in parts.items()}


def similarity(one: Tensor, other: Tensor) -> float:
    """Cosine of keys `[kv_heads, n, dim]` in stretches, mean over stretches and heads."""
    pairs = zip(one.split(STRETCH, 1), other.split(STRETCH, 1), strict=True)
    return float(torch.stack([cosine_similarity(a.flatten(1), b.flatten(1)) for a, b in pairs]).mean())
