"""Which attention pattern suits each head."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from longspan.kernels.block_index import BlockIndex
from longspan.patterns.base import PatternView
from longspan.patterns.minference import KINDS, Estimate, MInference, Shape
from longspan.patterns.recall import recall
from longspan.policies.view import View
from longspan.profiles.prose import recital
from longspan.profiles.reading import full_layers
from longspan.running.reader import Reader, chunk_ends
from longspan.seam.seam import Seam

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

LENGTH = 8192
"""Tokens that are read, fewer where the model's window is smaller."""
MEANT = 32_768
"""Tokens of a text that the found sizes are meant for."""
SPACE = (
    Shape("a-shape", 100, 800),
    Shape("vertical-slash", 30, 800),
    Shape("vertical-slash", 100, 750),
    Shape("vertical-slash", 500, 700),
    Shape("vertical-slash", 3500, 100),
    Shape("block-sparse", 100, 0),
)
"""What a head may become, in the authors' proportions."""
SHARE = 0.2
"""Of the keys before its own block, what a query may see of each candidate."""
LOOKED_AT = 128
"""Queries whose attention is looked at."""

_CHUNK = 512
_LOWEST, _HIGHEST, _STEPS = 2.0**-7, 2.0**5, 8


def shape(seam: Seam) -> tuple[int, ...]:
    """Of the result."""
    return len(seam.layers), max(layer.heads for layer in seam.layers), 3


def measure(seam: Seam, tokenizer: PreTrainedTokenizerFast) -> Tensor:
    """The best pattern of each head: its place in `minference.KINDS` and its two sizes, fp32 `[layers, heads, 3]`.

    MInference's search, https://arxiv.org/abs/2407.02490: the model reads one text with a retrieval task at its end,
    and each head gets the pattern that recalls most of the attention of queries in the second half of the text, out of
    six that cost the same. Rows of layers with a window, and of heads that a layer lacks, are 0.

    So that they do, each candidate is made smaller or larger, head by head, until it visits a fifth of the keys. The
    winner is written down in the size that would be the same share of 32,768 tokens: a pattern costs more of a text
    shorter than that, and less of a longer one. The authors try and write down the sizes as they are, whose costs are
    only about the same, on a text longer than most measures can afford to read.
    """
    found = torch.zeros(shape(seam))
    if not full_layers(seam):
        return found
    text = recital(tokenizer, min(seam.window, LENGTH))
    observed = len(text.ids) // 2
    with Reader(seam, observe=observed, window=seam.window, length=len(text.ids)) as reader:
        for _ in reader.read(text.ids, chunk_ends(len(text.ids), _CHUNK)):
            pass
        for layer in full_layers(seam):
            best = search(MInference(), _read(reader.view(layer, observed)))
            found[layer, : len(best)] = best
    return found


def search(pattern: MInference, read: PatternView) -> Tensor:
    """The best candidate for each head of one reading, fp32 `[heads, 3]`."""
    estimate = Estimate(pattern, read)
    rows = torch.linspace(0, read.query.shape[1] - 1, min(LOOKED_AT, read.query.shape[1])).round().long()
    rows = rows.to(read.query.device)
    tried, recalls = [], []
    for candidate in SPACE:
        tried.append(_at_equal_cost(estimate, candidate, read))
        index = estimate.index(tried[-1])
        recalls.append(recall(read.query, read.key, index, softmax=read.scene.softmax, rows=rows))
    best = torch.stack(recalls).argmax(0).tolist()
    found = [tried[each][head].times(MEANT / read.key.shape[1]) for head, each in enumerate(best)]
    return torch.tensor([(KINDS.index(shape.kind), *shape[1:]) for shape in found])


def _at_equal_cost(estimate: Estimate, candidate: Shape, read: PatternView) -> list[Shape]:
    """For each head the candidate in the largest size that visits no more than its share of the keys."""
    heads = len(read.query)
    low = torch.full((heads,), _LOWEST, dtype=torch.float64)
    high = torch.full((heads,), _HIGHEST, dtype=torch.float64)
    everything = estimate.index([Shape("a-shape", read.key.shape[1], 0)] * heads)
    allowed = SHARE * visited(everything)
    for _ in range(_STEPS):
        middle = (low * high).sqrt()
        affordable = visited(estimate.index([candidate.times(ratio) for ratio in middle.tolist()])) <= allowed
        affordable = affordable.cpu()
        low, high = torch.where(affordable, middle, low), torch.where(affordable, high, middle)
    return [candidate.times(ratio) for ratio in low.tolist()]


def visited(index: BlockIndex) -> Tensor:
    """Keys that are visited besides those of the own blocks, of all query blocks together: int64 `[h]`."""
    count = (index.visits >= 0).sum((1, 2)) * (index.width or index.block)
    return count if index.columns is None else count + (index.columns >= 0).sum((1, 2))


def _read(view: View) -> PatternView:
    """The queries of a view as if they were read together."""
    return PatternView(
        scene=view.scene,
        query=view.queries,
        key=view.keys,
        weights=lambda rows: view.attention(rows).flatten(0, 1),
    )
