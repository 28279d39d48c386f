"""DHSA: chunks of any length, found in the keys, and the tokens of those most like a query block."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, max_pool1d

from longspan.kernels.block_index import BlockIndex
from longspan.parameters import check_range
from longspan.patterns.base import Pattern, PatternView
from longspan.patterns.choosing import causal_blocks, own_blocks, pooled, visits_of
from longspan.registry import Card

# Numbers of keys compared at a time; bounds their copy in fp32.
_ELEMENTS = 1 << 22


CARD = Card(
    name="dhsa",
    target="longspan.patterns.dhsa:DHSA",
    paper="Long-Context Modeling with Dynamic Hierarchical Sparse Attention for On-Device LLMs",
    link="https://arxiv.org/abs/2510.24606",
    year=2025,
    training=False,
    changes="While reading, blocks of queries see the tokens of the text chunks whose keys suit them best.",
    field=(168,),
    missing="The module that predicts boundaries is trained; here they are where keys turn.",
    trained=True,
)


@dataclass(frozen=True, kw_only=True)
class DHSA(Pattern):
    """Dynamic hierarchical sparse attention. https://arxiv.org/abs/2510.24606

    Keys fall into chunks that end where the text changes. A chunk's vector is the sum of its keys divided by the root
    of its length, a query block's the mean of its queries, both as means over heads. A query block visits the tokens
    of the chunks with the largest products, the last of them as far as the budget goes, and so do all heads.

    `sinks`, `local` and `dense` are rounded up to whole blocks. The defaults are those of the authors' code and, for
    budget and block, of their LongBench runs.

    Deviations. The authors find boundaries by a module trained for the model. Without one their code compares the
    attention that all later queries pay to the `window` tokens on each side, which takes dense attention; here it is
    the directions of the keys on each side, all KV heads in one vector, and the least similar places are boundaries.
    So nothing is trained, and the boundaries are not the paper's. Theirs must also exceed a threshold, for which
    cosines have no equal. In their code first tokens take the place of the chosen tokens that lie earliest; here of
    those that score lowest. What is read chunk by chunk finds boundaries anew in each chunk, among all keys so far,
    and has last queries in each. The authors' newer code chooses fixed blocks; this is the paper's, in its folder
    "legacy".
    """

    budget: int = 2048
    """Tokens that a query block visits, itself included."""
    sinks: int = 128
    """First tokens that every query block visits."""
    local: int = 128
    """Last tokens up to the end of the query block, which it always visits."""
    dense: int = 64
    """Last queries, which see everything (the question)."""
    window: int = 4
    """Keys on each side of a boundary that are compared."""
    spacing: int = field(default=8, metadata={"formerly": "apart"})
    """Boundaries are more than this many tokens apart."""
    per_block: int = 8
    """Chunks per block of the text, at most."""
    block: int = 128
    """Tokens per query block."""

    def __post_init__(self) -> None:
        check_range("budget", self.budget, 1)
        check_range("sinks", self.sinks, 0)
        check_range("local", self.local, 0)
        check_range("dense", self.dense, 0)
        check_range("window", self.window, 1)
        check_range("spacing", self.spacing, 0)
        check_range("per_block", self.per_block, 1)
        check_range("block", self.block, 16, 4096)

    @property
    def min_queries(self) -> int:
        """One block."""
        return self.block

    def index(self, view: PatternView) -> BlockIndex:
        """First and recent tokens as blocks, those of the best chunks as columns; the same for all heads."""
        own = own_blocks(view, self.block)
        key_blocks = int(own[-1]) + 1
        number = torch.arange(key_blocks, device=own.device)
        sinks, local = -(-self.sinks // self.block), max(1, -(-self.local // self.block))
        keys = view.key.shape[1]
        dense = ((own + 1) * self.block).clamp(max=keys) > keys - self.dense
        visited = (number < sinks) | (number > own[:, None] - local) | dense[:, None]
        visited &= causal_blocks(own, key_blocks)
        # Tokens low .. high − 1 are left to choose from; where everything is visited, none.
        low = sinks * self.block
        high = ((own + 1 - local) * self.block).masked_fill(dense, 0)
        left = (self.budget - (visited.sum(-1) + 1) * self.block).clamp(min=0)
        columns = self._best(view, low, high, left)
        return BlockIndex(
            block=self.block, first=int(own[0]), visits=visits_of(visited[None]), columns=columns[None]
        )

    def starts(self, key: Tensor) -> Tensor:
        """Where chunks begin, int64 `[chunks]`, ascending from 0; key `[kv_heads, m, d]`."""
        keys = key.shape[1]
        begin = torch.zeros(1, dtype=torch.int64, device=key.device)
        count = keys // self.block * self.per_block
        if keys < 2 * self.window or count == 0:
            return begin
        step = max(1, _ELEMENTS // (len(key) * key.shape[2]))
        change = torch.cat(
            [
                _change(key[:, first : first + step + 2 * self.window - 1], self.window)
                for first in range(0, keys - 2 * self.window + 1, step)
            ]
        )
        places = _peaks(change, self.spacing)
        best = places[change[places].topk(min(count, len(places))).indices]
        return torch.cat((begin, best.sort().values + self.window))

    def _best(self, view: PatternView, low: int, high: Tensor, left: Tensor) -> Tensor:
        """The `left` tokens of the best chunks from low up to high, int64 `[query_blocks, c]`: ascending, then -1."""
        start = self.starts(view.key)
        end = torch.cat((start[1:], start.new_tensor([view.key.shape[1]])))
        of = torch.arange(len(start), device=start.device).repeat_interleave(end - start)
        key = view.key.mean(0, dtype=torch.float32)
        sums = key.new_zeros(len(start), key.shape[1]).index_add_(0, of, key)
        chunks = sums / (end - start).sqrt()[:, None]
        scores = pooled(view.query, self.block, view.start).mean(0) @ chunks.mT
        order = scores.sort(dim=-1, descending=True, stable=True).indices
        begin = start.clamp(min=low)
        lengths = (torch.minimum(end, high[:, None]) - begin).clamp(min=0).gather(1, order)
        room = left[:, None] - (lengths.cumsum(1) - lengths)
        taken = torch.minimum(lengths, room.clamp(min=0))
        return _ranges(begin, torch.zeros_like(taken).scatter_(1, order, taken))


def _change(key: Tensor, window: int) -> Tensor:
    """How unlike the `window` keys on each side of a place are, for each place that has so many, fp32 `[places]`."""
    # sides[i] is the sum of the keys i .. i + window - 1.
    sides = key.transpose(0, 1).flatten(1).float().unfold(0, window, 1).sum(-1)
    return -cosine_similarity(sides[:-window], sides[window:], dim=1)


def _peaks(x: Tensor, spacing: int) -> Tensor:
    """The places of x `[n]`, ascending, that are left when the largest is taken, then the largest that is more than
    `spacing` from all taken, and so on. Of equal ones the first is the largest."""
    rank = torch.empty_like(x)
    rank[x.sort(dim=0, descending=True, stable=True).indices] = torch.arange(
        len(x), 0, -1, device=x.device
    ).to(x)
    taken = torch.zeros_like(x)
    while bool((rank > 0).any()):
        peaks = (rank == _nearby(rank, spacing)) & (rank > 0)
        taken += peaks
        rank = rank.masked_fill(_nearby(peaks.to(x), spacing) > 0, 0)
    return taken.nonzero()[:, 0]


def _nearby(x: Tensor, reach: int) -> Tensor:
    """The largest of x `[n]` within `reach` places of each."""
    largest: Tensor = max_pool1d(x[None], 2 * reach + 1, stride=1, padding=reach)
    return largest[0]


def _ranges(begin: Tensor, counts: Tensor) -> Tensor:
    """For each row the numbers begin[i] .. begin[i] + counts[row, i] − 1 of all i, then -1: int64 `[rows, longest]`.

    begin `[n]`, counts `[rows, n]`.
    """
    flat = counts.flatten()
    owner = torch.arange(len(flat), device=flat.device).repeat_interleave(flat)
    offset = torch.arange(len(owner), device=flat.device) - (flat.cumsum(0) - flat)[owner]
    per_row = counts.sum(1)
    rows = counts.new_full((len(counts), int(per_row.max())), -1)
    filled = torch.arange(rows.shape[1], device=flat.device) < per_row[:, None]
    return rows.masked_scatter_(filled, begin[owner % len(begin)] + offset)
