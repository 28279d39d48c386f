"""UniPrefill: blocks of tokens that the last queries hardly look at leave the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from longspan.parameters import check_range
from longspan.patterns.base import PatternView
from longspan.patterns.choosing import covering
from longspan.patterns.thinning import Thinning
from longspan.registry import Card

# Weights looked at together, in elements; bounds what a view computes at a time.
_WEIGHTS = 1 << 23


CARD = Card(
    name="uniprefill",
    target="longspan.patterns.uniprefill:UniPrefill",
    paper="UniPrefill: Universal Long-Context Prefill Acceleration via Block-wise Dynamic Sparsification",
    link="https://arxiv.org/abs/2605.06221",
    year=2026,
    training=False,
    changes="While reading, blocks of tokens to which the last queries hardly attend leave the model.",
    field=(285,),
)


class _Chose(NamedTuple):
    """What the layers of a pass tell each other: the last layer that chose."""

    layer: int


@dataclass(frozen=True, kw_only=True)
class UniPrefill(Thinning):
    """Token blocks dropped from layer to layer, for all heads. https://arxiv.org/abs/2605.06221

    Some layers choose: the attention of the last queries, summed over heads, is added up over blocks of the tokens
    that are still there, and the fewest blocks that hold `share` of it stay, besides the first tokens and the last.
    The others leave after this layer, with their part of every later layer's work.

    The defaults are those of the authors' code for Llama-3.1-8B, which has 32 layers and chooses in 7, 11, 15, 19, 23
    and 27; for Gemma 3 it has a share of 0.975 and chooses in 29, 35 and 41.

    As there, each forward pass chooses among its own tokens by attention to these alone: a chunk of a session chooses
    by its own end. The paper reads a prompt as one, with the question at its end: give the session a `chunk` of that
    length. Deviations: the authors' code leaves out the block that would reach `share`, the paper does not; tokens
    leave behind the feed-forward network of the layer that chose and not before it, which costs more and changes
    nothing; and the window of layers with a sliding one counts positions, not the tokens that are left.
    """

    share: float = 0.99
    """Share of the attention that the blocks hold which stay."""
    first: int = 7
    """The first layer that chooses, or the next one that the pattern is asked about; layers count from 0."""
    every: int = 4
    """A layer chooses that is at least so many layers after the last one that chose."""
    sinks: int = 128
    """First tokens that stay, as whole blocks; where there are no more than these and the last, nothing leaves."""
    last: int = 128
    """Last tokens that stay, as whole blocks."""
    block: int = 64
    """Tokens per block."""

    def __post_init__(self) -> None:
        check_range("share", self.share, 0.0, 1.0)
        check_range("first", self.first, 0)
        check_range("every", self.every, 1)
        check_range("sinks", self.sinks, 0)
        check_range("last", self.last, 1)
        check_range("block", self.block, 16, 4096)

    @property
    def tail(self) -> int:
        """The last tokens, which choose."""
        return self.last

    def staying(self, view: PatternView) -> Tensor | None:
        """The tokens of the blocks that stay."""
        count = view.query.shape[1]
        before = view.scene.notes.find(_Chose)
        due = self.first if before is None else before.layer + self.every
        if view.scene.layer < due or count <= self.sinks + self.last:
            return None
        view.scene.notes.leave(_Chose(view.scene.layer))
        seen = self._seen(view)
        place = torch.arange(len(seen), device=seen.device) * self.block
        sure = (place < self.sinks) | (place + self.block > count - self.last)
        stay = covering(seen, self.share, torch.ones_like(sure)) | sure
        return stay.repeat_interleave(self.block)[:count]

    def _seen(self, view: PatternView) -> Tensor:
        """How much the last queries attend to each block, fp32 `[blocks]`."""
        count = view.query.shape[1]
        blocks = -(-count // self.block)
        seen = torch.zeros(blocks, device=view.query.device)
        step = max(1, _WEIGHTS // (len(view.query) * count))
        for start in range(max(0, count - self.last), count, step):
            weights = view.weights(slice(start, min(start + step, count)))
            filled = torch.nn.functional.pad(weights, (0, blocks * self.block - count))
            seen += filled.unflatten(2, (-1, self.block)).sum((0, 1, 3))
        return seen
