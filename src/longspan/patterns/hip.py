"""HiP: the best keys are found by a search in a tree."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.kernels.block_index import BlockIndex
from longspan.parameters import check_range
from longspan.patterns.base import Pattern, PatternView
from longspan.patterns.choosing import causal_blocks, own_blocks, packed, visits_of
from longspan.registry import Card

# Keys gathered at a time, in elements.
_ELEMENTS = 1 << 21


CARD = Card(
    name="hip",
    target="longspan.patterns.hip:HiP",
    paper="A Training-Free Sub-Quadratic Cost Transformer Model Serving Framework with Hierarchically Pruned "
    "Attention",
    link="https://arxiv.org/abs/2406.09827",
    year=2024,
    training=False,
    changes="While reading, blocks of queries look for their best keys by a search in a tree of keys.",
    field=(109,),
)


@dataclass(frozen=True, kw_only=True)
class HiP(Pattern):
    """Hierarchically pruned attention, n · log n comparisons for n keys. https://arxiv.org/abs/2406.09827

    For each block of queries, the keys before it are cut into equal parts. Each part is cut in half, each half is
    judged by the keys in its middle, and the better half of all halves goes on, until the parts are `width` keys. A
    half is as good as the highest query · key in it.

    The other defaults are those of version 1.1 of the authors' code (`HiPAttentionArgs`). Version 1.0 had blocks of 32
    queries and a window of 128. It also read the first queries densely, and in the search over long texts looked at 32
    channels only; 1.1 does neither unless it is told to, and both are left out here. The window is counted from the
    first query of a block, theirs from the last.
    """

    k: int = 512
    """Keys that a block of queries finds by the search."""
    dense: int = 3
    """First layers that see everything, as in the authors' evaluation; their version 1.2 also keeps the fourth and
    the last.
    """
    block: int = 64
    """Tokens of a block of queries."""
    width: int = 2
    """Tokens of a block of keys."""
    stride: int = 2
    """Step between queries that search: of a block, the last of each so many takes part in the search."""
    sinks: int = 16
    """First keys, visited in any case and not counted in k; rounded up to whole blocks of `width`."""
    window: int = 256
    """Last keys before the block of queries, visited in any case and not counted in k; rounded up to whole blocks
    of `width`.
    """

    def __post_init__(self) -> None:
        check_range("block", self.block, 16, 4096)
        check_range("width", self.width, 1, self.block)
        check_range("k", self.k, self.width)
        check_range("dense", self.dense, 0)
        check_range("stride", self.stride, 1, self.block)
        check_range("sinks", self.sinks, 0)
        check_range("window", self.window, 0)
        if self.block % self.width:
            raise ValueError(f"width={self.width} does not divide block={self.block}; choose one that does")

    @property
    def min_queries(self) -> int:
        """One block."""
        return self.block

    def index(self, view: PatternView) -> BlockIndex:
        """Key blocks of `width` for each head; all of them in the first layers."""
        own = own_blocks(view, self.block)
        if view.scene.layer < self.dense:
            everything = causal_blocks(own, int(own[-1]) + 1)[None]
            return BlockIndex(block=self.block, first=int(own[0]), visits=visits_of(everything))
        limit = own * (self.block // self.width)
        sinks, window = -(-self.sinks // self.width), -(-self.window // self.width)
        sinks_end = limit.clamp(max=sinks)
        window_start = (limit - window).clamp(min=sinks_end)
        found = self._search(view, own, sinks_end, window_start)
        first = torch.arange(sinks, device=own.device)
        last = limit[:, None] - torch.arange(window, 0, -1, device=own.device)
        parts = [
            torch.where(first < sinks_end[:, None], first, -1).expand(len(found), -1, -1),
            found,
            torch.where(last >= window_start[:, None], last, -1).expand(len(found), -1, -1),
        ]
        visits = torch.cat(parts, 2)
        return BlockIndex(
            block=self.block,
            first=int(own[0]),
            visits=packed(visits, visits >= 0),
            width=self.width,
        )

    def _search(self, view: PatternView, own: Tensor, low: Tensor, high: Tensor) -> Tensor:
        """The best key blocks from low up to high of each query block, int64 `[heads, query_blocks, k / width]`."""
        heads, kept = view.query.shape[0], self.k // self.width
        everything = torch.arange(kept, device=own.device) + low[:, None]
        found = torch.where(everything < high[:, None], everything, -1).repeat(heads, 1, 1)
        whole = view.key.shape[1] // self.width * self.width
        table = view.key[:, :whole].unflatten(1, (-1, self.width)).flatten(2)
        (searching,) = torch.nonzero(high - low > kept, as_tuple=True)
        step = max(1, _ELEMENTS // (heads * 2 * kept * table.shape[-1]))
        for start in range(0, len(searching), step):
            some = searching[start : start + step]
            found[:, some] = self._descend(self._queries(view, own[some]), table, low[some], high[some], kept)
        return found

    def _queries(self, view: PatternView, own: Tensor) -> Tensor:
        """The queries that take part, `[heads, blocks, r, d]`; where a block lacks one, its neighbour stands twice."""
        rows = torch.arange(self.stride - 1, self.block, self.stride, device=own.device)
        places = (own[:, None] * self.block + rows - view.start).clamp(0, view.query.shape[1] - 1)
        return view.query[:, places]

    def _descend(self, query: Tensor, table: Tensor, low: Tensor, high: Tensor, kept: int) -> Tensor:
        """Halves the parts of some query blocks, each with more key blocks than `kept`, until all are single blocks."""
        edges = low[:, None] + (high - low)[:, None] * torch.arange(kept + 1, device=low.device) // kept
        starts = edges[:, :-1].expand(query.shape[0], -1, -1)
        sizes = edges.diff(dim=1).expand_as(starts)
        while int(sizes.max()) > 1:
            half = sizes // 2
            starts = torch.cat((starts, starts + half), 2)
            sizes = torch.cat((half, sizes - half), 2)
            scores = self._scores(query, table, starts + sizes // 2).masked_fill(sizes == 0, -torch.inf)
            best = scores.topk(kept, sorted=False).indices
            starts, sizes = starts.gather(2, best), sizes.gather(2, best)
        return starts.sort(2).values

    def _scores(self, query: Tensor, table: Tensor, blocks: Tensor) -> Tensor:
        """The highest query · key of each of the key blocks `[heads, query_blocks, b]`, like blocks.

        table: the keys of each key block in a row, `[kv_heads, all key blocks, width · dim]`.
        """
        heads, dim = query.shape[0], query.shape[-1]
        head = torch.arange(heads, device=blocks.device)[:, None, None] * len(table) // heads
        rows = (head * table.shape[1] + blocks).flatten()
        keys = table.flatten(0, 1).index_select(0, rows).view(-1, blocks.shape[2] * self.width, dim)
        highest = torch.bmm(query.flatten(0, 1), keys.mT).amax(1)
        return highest.view(*blocks.shape, self.width).amax(-1)
