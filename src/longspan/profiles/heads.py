"""How much each head retrieves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from longspan.policies.view import View
from longspan.profiles.prose import Recital, recital
from longspan.profiles.reading import LENGTH, full_layers
from longspan.running.reader import Reader, chunk_ends
from longspan.seam.seam import Seam

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_CHUNK = 512
SMALLEST = torch.finfo(torch.float32).tiny
"""The score of a head that retrieves nothing; 0 is no score."""


def shape(seam: Seam) -> tuple[int, ...]:
    """Of the scores."""
    return len(seam.layers), max(layer.kv_heads for layer in seam.layers)


def measure(seam: Seam, tokenizer: PreTrainedTokenizerFast) -> Tensor:
    """Retrieval scores, fp32 `[layers, kv_heads]` in 0 .. 1.

    The model reads prose in which passkeys are hidden, and then their recital, word for word. A query head's score
    is the share of its attention that goes to a hidden passkey from where its copy is predicted, mean over the
    passkeys; a KV head's is that of its best query head. 0 stands for what is no head that could lose entries: rows
    of layers with a window, and heads that a layer lacks. All others are above 0.

    The task is DuoAttention's, https://arxiv.org/abs/2410.10819, which learns a gate a head on it; the score is the
    attention that Retrieval Head, https://arxiv.org/abs/2404.15574, counts, as a share instead of by its maximum.
    """
    scores = torch.zeros(shape(seam))
    if not full_layers(seam):
        return scores
    text = recital(tokenizer, min(seam.window, LENGTH))
    observed = len(text.ids) - text.asking[0].start
    with Reader(seam, observe=observed, window=seam.window, length=len(text.ids)) as reader:
        for _ in reader.read(text.ids, chunk_ends(len(text.ids), _CHUNK)):
            pass
        for layer in full_layers(seam):
            found = retrieved(reader.view(layer, observed), text)
            scores[layer, : len(found)] = found.clamp(min=SMALLEST)
    return scores


def retrieved(view: View, text: Recital) -> Tensor:
    """The scores of one layer, fp32 `[kv_heads]`; the view has the queries from the first asking position on."""
    first = int(view.query_positions[0])
    shares = []
    for key, asking in zip(text.keys, text.asking, strict=True):
        weights = view.attention(slice(asking.start - first, asking.stop - first))
        shares.append(weights[..., key.start : key.stop].sum(-1).mean(-1))
    return torch.stack(shares).mean(0).amax(-1).cpu()
