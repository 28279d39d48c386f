"""FlexPrefill: per head, blocks that suit the queries or vertical and slash blocks, up to a share of attention."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.kernels.block_index import BlockIndex
from longspan.parameters import check_range
from longspan.patterns.base import Pattern, PatternView
from longspan.patterns.choosing import (
    causal_blocks,
    covering,
    highest,
    own_blocks,
    pooled,
    pooled_scores,
    visits_of,
)
from longspan.patterns.lines import line_sums
from longspan.registry import Card

CARD = Card(
    name="flexprefill",
    target="longspan.patterns.flexprefill:FlexPrefill",
    paper="FlexPrefill: A Context-Aware Sparse Attention Mechanism for Efficient Long-Sequence Inference",
    link="https://arxiv.org/abs/2502.20766",
    year=2025,
    training=False,
    changes="While reading, each head sees the blocks, or the columns and diagonals, that hold enough attention.",
    field=(95,),
)


@dataclass(frozen=True, kw_only=True)
class FlexPrefill(Pattern):
    """Per head the pattern, and as many blocks as a share of the attention needs. https://arxiv.org/abs/2502.20766

    The last `block` queries attend to all keys. Added up over key blocks, their weights are compared with what mean
    query · mean key estimates: where the square root of the Jensen–Shannon divergence is below `tau`, the estimate is
    trusted for every query block, and the blocks that hold `gamma` of all estimated attention are visited. Elsewhere
    the weights of the last queries are added up by key and by distance, and as many vertical and slash blocks are
    visited as there are keys, and distances, that hold `gamma`. A text of at most `minimum` tokens, or two blocks, is
    read densely, and so is a single token. Defaults and details are those of the authors' code.

    Deviations. "The last queries" are those of each chunk that is read, and "all query blocks" those of the chunk.
    Distances are put in blocks from 0 on; in the authors' code blocks of distances begin elsewhere where the text does
    not fill its last block. The block with which a sum reaches `gamma` is visited, as in the paper; the code leaves it
    out.
    """

    gamma: float = 0.9
    """Share of the attention that the visited lines or blocks hold."""
    tau: float = 0.1
    """Distance between estimate and truth below which a head trusts the estimate."""
    minimum: int = 1024
    """Tokens to which vertical and slash blocks amount at least, also in heads that trust the estimate; the first
    block and the query block always count among them.
    """
    block: int = 128
    """Tokens per block of queries, and of keys."""

    def __post_init__(self) -> None:
        check_range("gamma", self.gamma, 0.0, 1.0)
        check_range("tau", self.tau, 0.0, 1.0)
        check_range("minimum", self.minimum, 1)
        check_range("block", self.block, 16, 4096)

    @property
    def min_queries(self) -> int:
        """One block."""
        return self.block

    def index(self, view: PatternView) -> BlockIndex:
        """The blocks chosen for each head."""
        own = own_blocks(view, self.block)
        keys, key_blocks = view.key.shape[1], int(own[-1]) + 1
        before = causal_blocks(own, key_blocks)
        if view.query.shape[1] == 1 or keys <= max(2 * self.block, self._min_blocks * self.block):
            return BlockIndex(block=self.block, first=int(own[0]), visits=visits_of(before[None]))
        vertical, slash = line_sums(view, self.block)
        aware = self._distance(view, vertical) < self.tau
        columns = self._lines(vertical, aware)
        diagonals = self._lines(slash, aware)
        back = (own[:, None] - torch.arange(key_blocks, device=own.device)).clamp(min=0)
        chosen = columns[:, None] | diagonals[:, back]
        if bool(aware.any()):
            chosen[aware] |= self._trusted(view, own)[aware]
        return BlockIndex(block=self.block, first=int(own[0]), visits=visits_of(chosen & before))

    @property
    def _min_blocks(self) -> int:
        """Vertical blocks, and slash blocks, at least."""
        return -(-self.minimum // self.block)

    def _distance(self, view: PatternView, vertical: Tensor) -> Tensor:
        """How far the estimate for the last queries is from the truth: fp32 `[heads]`."""
        query = view.query[:, -self.block :].mean(1, dtype=torch.float32).unflatten(0, (-1, view.group))
        products = (query @ pooled(view.key, self.block).mT).flatten(0, 1)
        scores = view.scene.softmax.logits(products)
        true = _by_block(vertical, self.block)
        return _jensen_shannon(scores.softmax(-1), true / true.sum(-1, keepdim=True))

    def _lines(self, sums: Tensor, aware: Tensor) -> Tensor:
        """The blocks of keys, or of distances, that are visited: bool `[heads, key_blocks]`, the first among them.

        sums: what falls on each, `[heads, m]`. aware: heads that only get the minimum.
        """
        ordered = sums.sort(-1, descending=True).values.cumsum(-1, dtype=torch.float64)
        needed = (ordered < self.gamma * ordered[:, -1:]).sum(-1) + 1
        blocks = _by_block(sums, self.block)
        count = (needed // self.block + 1).clamp(min=self._min_blocks).masked_fill(aware, self._min_blocks)
        if self.gamma >= 1:
            count = count.masked_fill(~aware, blocks.shape[1])
        blocks[:, 0] = torch.inf
        return highest(blocks, count[:, None], torch.ones_like(blocks, dtype=torch.bool))

    def _trusted(self, view: PatternView, own: Tensor) -> Tensor:
        """The fewest blocks of all query blocks together that hold gamma: bool `[heads, query_blocks, key_blocks]`."""
        scores = pooled_scores(view, self.block)
        causal = torch.arange(scores.shape[2], device=own.device) <= own[:, None]
        weights = scores.masked_fill(~causal, -torch.inf).softmax(-1)
        return covering(weights.flatten(1), self.gamma, causal.flatten()).view_as(weights)


def _by_block(x: Tensor, block: int) -> Tensor:
    """The sum of each block of x `[h, n]`, `[h, blocks]`."""
    filled = torch.nn.functional.pad(x, (0, -x.shape[1] % block))
    sums: Tensor = filled.unflatten(1, (-1, block)).sum(-1)
    return sums


def _jensen_shannon(p: Tensor, q: Tensor) -> Tensor:
    """The square root of the divergence, in nats, of distributions `[..., n]`."""
    middle = ((p + q) / 2).log()
    parts: Tensor = torch.special.xlogy(p, p) + torch.special.xlogy(q, q) - (p + q) * middle
    return parts.nan_to_num(0.0).sum(-1).div(2).clamp(min=0).sqrt()
