"""XAttention: key blocks by the sums along antidiagonals of strided tiles."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.errors import PlanError
from longspan.kernels.block_index import BlockIndex
from longspan.parameters import check_range, numbers_by_layer
from longspan.patterns.base import Pattern, PatternView
from longspan.patterns.choosing import causal_blocks, own_blocks, visits_of
from longspan.registry import Card

_EXAMPLE = "a file with the thresholds of this model's heads"

# Weights of tiles looked at together; bounds the memory.
_WEIGHTS = 1 << 22


CARD = Card(
    name="xattention",
    target="longspan.patterns.xattention:XAttention",
    paper="XAttention: Block Sparse Attention with Antidiagonal Scoring",
    link="https://arxiv.org/abs/2503.16428",
    year=2025,
    training=False,
    changes="While reading, blocks of queries see the key blocks whose antidiagonal scores hold enough attention.",
)


@dataclass(frozen=True, kw_only=True)
class XAttention(Pattern):
    """The fewest key blocks that hold a share of the estimated attention. https://arxiv.org/abs/2503.16428

    The scores of stride × stride queries and keys are estimated together, by the mean along their antidiagonal, which
    meets every query and every key of the tile once. A softmax over the tiles, added up over blocks, gives a share to
    each key block; blocks are chosen, largest first, until they hold `threshold`. The first block and the query
    block itself always count among them.

    The defaults are those of the authors' `xattn_estimate`; their `Xattention_prefill`, which their README calls, has a
    threshold of 0.8.

    Deviations: the first block is always visited and the own one counts once, as the paper means it: in the authors'
    code the first part of a text (all of one up to 16k) loses both marks of being sure to an assignment, sums lag by
    one, and most query blocks visit one key block more. Tiles are aligned to the first key, also where a chunk begins
    inside one. Where scores are bounded by a soft cap, the means are bounded by it.
    """

    stride: int = 16
    """Queries and keys of a tile."""
    threshold: float = 0.9
    """Share of the weight that the visited tiles hold."""
    block: int = 128
    """Tokens per block, a multiple of stride."""
    thresholds: str | None = None
    """Path of a text file with a threshold for each query head, a line for each layer of the model, in place of
    `threshold`; the authors found such for Llama-3.1-8B (`llama_threshold.py`).
    """

    def __post_init__(self) -> None:
        check_range("stride", self.stride, 1, self.block)
        check_range("threshold", self.threshold, 0.0, 1.0)
        check_range("block", self.block, 16, 4096)
        if self.block % self.stride:
            raise ValueError(f"stride={self.stride} does not divide block={self.block}; choose 4, 8 or 16")
        if self.thresholds is not None:
            for row in numbers_by_layer("thresholds", self.thresholds, _EXAMPLE):
                for number in row:
                    check_range("thresholds", number, 0.0, 1.0)

    @property
    def min_queries(self) -> int:
        """One block."""
        return self.block

    def index(self, view: PatternView) -> BlockIndex:
        """The blocks chosen for each head."""
        shares = self.shares(view)
        own = own_blocks(view, self.block)
        before = causal_blocks(own, shares.shape[2])
        chosen = self._fewest(shares, own, self._thresholds(view)) & before
        return BlockIndex(block=self.block, first=int(own[0]), visits=visits_of(chosen))

    def shares(self, view: PatternView) -> Tensor:
        """What each key block gets of a query block's attention, as estimated: `[heads, query_blocks, key_blocks]`.

        fp32; a query block's shares add up to the number of tiles in which it has queries.
        """
        key, start, stride = view.key, view.start, self.stride
        keys, first = key.shape[1], view.start // stride
        tiles, behind = -(-keys // stride), -keys % stride
        across = _tiled(key, 0, behind, stride).flatten(2).mT
        query = _tiled(view.query, start % stride, behind, stride).unflatten(0, (len(key), -1))
        within, softmax = stride, view.scene.softmax
        if query.dtype is torch.float16:  # a tile's sum may leave its range
            query, within = query / stride, 1
        own = torch.arange(first, tiles, device=key.device) * stride // self.block
        size = len(view.query), int(own[-1] - own[0]) + 1, int(own[-1]) + 1
        shares = key.new_zeros(size, dtype=torch.float32)
        step = max(1, _WEIGHTS // (len(view.query) * tiles))
        for begin in range(first, tiles, step):
            end = min(begin + step, tiles)
            rows = query[:, :, begin - first : end - first].flip(3).flatten(3)
            scores = (rows.flatten(1, 2) @ across[..., :end]).unflatten(1, rows.shape[1:3]).float()
            scores = softmax.bounded(scores.mul_(softmax.scale / within))
            later = torch.ones(end - begin, end - begin, dtype=torch.bool, device=key.device).triu(1)
            scores[..., begin:].masked_fill_(later, -torch.inf)
            lacking = -end * stride % self.block // stride
            weights = torch.nn.functional.pad(scores.softmax(-1).flatten(0, 1), (0, lacking))
            weights = weights.unflatten(2, (-1, self.block // stride)).sum(-1)
            shares[..., : weights.shape[2]].index_add_(1, own[begin - first : end - first] - own[0], weights)
        return shares

    def _thresholds(self, view: PatternView) -> Tensor:
        """Of each head, `[heads, 1, 1]`."""
        heads, device = len(view.query), view.query.device
        if self.thresholds is None:
            return torch.full((heads, 1, 1), self.threshold, device=device)
        rows = numbers_by_layer("thresholds", self.thresholds, _EXAMPLE)
        if (len(rows), len(rows[0])) != (view.scene.layers, heads):
            raise PlanError(
                f"thresholds={self.thresholds!r} are of {len(rows)} layers with {len(rows[0])} heads, this model has "
                f"{view.scene.layers} with {heads}; give the file of this model"
            )
        return torch.tensor(rows[view.scene.layer], device=device)[:, None, None]

    def _fewest(self, shares: Tensor, own: Tensor, threshold: Tensor) -> Tensor:
        """The first block, the own one, and the fewest others with which they hold the threshold: bool, like shares."""
        number = torch.arange(shares.shape[2], device=own.device)
        sure = (number == 0) | (number == own[:, None])
        lacking = threshold * shares.sum(-1, keepdim=True) - (shares * sure).sum(-1, keepdim=True)
        ordered, order = shares.masked_fill(sure, 0).sort(-1, descending=True)
        needed = (ordered.cumsum(-1) - ordered < lacking) | (threshold >= 1)
        return torch.zeros_like(needed).scatter_(-1, order, needed) | sure


def _tiled(x: Tensor, before: int, behind: int, stride: int) -> Tensor:
    """x `[h, n, d]` in tiles of `stride` rows, `[h, tiles, stride, d]`, filled up with zeros."""
    filled = torch.nn.functional.pad(x, (0, 0, before, behind)) if before or behind else x
    tiles: Tensor = filled.unflatten(1, (-1, stride))
    return tiles
