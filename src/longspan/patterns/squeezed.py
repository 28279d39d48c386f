"""Squeezed Attention while reading: clusters of similar keys."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from longspan.kernels.block_index import BlockIndex
from longspan.kernels.clusters import kmeans
from longspan.parameters import Budget, check_budget, check_range, tokens
from longspan.patterns.base import Pattern, PatternView
from longspan.patterns.choosing import own_blocks, packed, visits_of
from longspan.registry import Card
from longspan.store.state import State

# Scores, and marks of keys, at a time.
_ELEMENTS = 1 << 24


CARD = Card(
    name="squeezed",
    target="longspan.patterns.squeezed:Squeezed",
    paper="Squeezed Attention: Accelerating Long Context Length LLM Inference",
    link="https://arxiv.org/abs/2411.09688",
    year=2024,
    training=False,
    changes="While reading, blocks of queries see the keys in clusters whose centroid matches them.",
    field=(261,),
    missing="The second level of clusters; the threshold is set by a budget unless one is given.",
)


@dataclass(frozen=True, kw_only=True)
class Squeezed(Pattern):
    """Visits the keys in clusters whose centroid matches the queries. https://arxiv.org/abs/2411.09688

    A cluster C of N keys weighs exp(q·C/√d) / Σ N exp(q·C/√d) for a query, an estimate of what attention would give to
    each of its keys. A block of queries visits the clusters whose weight, averaged over the block, is above a threshold
    that all heads of a layer share: heads that look at little visit little.

    In the paper a text is clustered ahead of time and the question after it looks at the clusters; the average is over
    the question, and one threshold is calibrated for the model. Here every block of queries looks at the clusters of
    what lies before it. Keys are clustered segment by segment, as soon as a segment is complete; one that is not yet,
    or ends less than `local` keys before the block of queries, is visited whole. Without `threshold`, it is set for
    each block of queries so that the heads visit `budget` keys on average. There is one level of clusters.
    The defaults of `clusters`, `budget`, `local` and `block` are the paper's.
    """

    clusters: float = 0.05
    """Clusters per key."""
    budget: Budget = 0.1
    """Share of the clustered keys, or keys, visited by a head on average; the paper's sparsity is 1 − budget."""
    threshold: float | None = None
    """The weight above which a cluster is visited, the paper's T, in place of the budget."""
    local: int = 100
    """Last keys before the block of queries that are visited in any case, the paper's observation window."""
    segment: int = 1024
    """Keys that are clustered together, a multiple of `block`."""
    block: int = 128
    """Queries that choose together."""
    iterations: int = 10
    """Rounds of k-means at most."""

    def __post_init__(self) -> None:
        check_range("clusters", self.clusters, 0.0, 1.0)
        check_budget("budget", self.budget)
        if self.threshold is not None:
            check_range("threshold", self.threshold, 0.0, 1.0)
        check_range("local", self.local, 0)
        check_range("block", self.block, 16, 4096)
        check_range("segment", self.segment, self.block)
        check_range("iterations", self.iterations, 0)
        if self.segment % self.block:
            raise ValueError(
                f"segment={self.segment} is no multiple of block={self.block}; choose one that is"
            )

    def state(self) -> SegmentClusters:
        """No clusters yet."""
        count = max(1, round(self.clusters * self.segment))
        return SegmentClusters(self.segment, count, self.iterations)

    @property
    def min_queries(self) -> int:
        """One block."""
        return self.block

    def index(self, view: PatternView) -> BlockIndex:
        """Single keys of segments, and whole blocks behind them."""
        clustered = view.state if isinstance(view.state, SegmentClusters) else self.state()
        own = own_blocks(view, self.block)
        segments = (own * self.block - self.local).clamp(min=0) // self.segment
        clustered.extend(view.key, int(segments[-1]))
        blocks = torch.arange(int(own[-1]), device=own.device)
        whole = (blocks < own[:, None]) & (blocks >= segments[:, None] * (self.segment // self.block))
        columns = self._columns(view, clustered, own, segments) if int(segments[-1]) else None
        return BlockIndex(block=self.block, first=int(own[0]), visits=visits_of(whole[None]), columns=columns)

    def _columns(
        self, view: PatternView, clustered: SegmentClusters, own: Tensor, segments: Tensor
    ) -> Tensor:
        """The keys of the chosen clusters, `[heads, query_blocks, c]` as in an index."""
        heads, last = view.query.shape[0], int(segments[-1])
        step = max(1, _ELEMENTS // (heads * last * max(clustered.count * self.block, self.segment)))
        parts = []
        for start in range(0, len(own), step):
            blocks, visible = own[start : start + step], segments[start : start + step]
            chosen = self._chosen(self._weights(view, clustered, blocks, visible), clustered, visible)
            keys = torch.arange(int(visible[-1]) * self.segment, device=own.device)
            labels = clustered.labels[:, : len(keys)].repeat_interleave(view.group, 0)
            parts.append(packed(keys, chosen.gather(2, labels[:, None].expand(-1, len(blocks), -1))))
        longest = max(part.shape[2] for part in parts)
        return torch.cat([pad(part, (0, longest - part.shape[2]), value=-1) for part in parts], 1)

    def _weights(
        self, view: PatternView, clustered: SegmentClusters, own: Tensor, segments: Tensor
    ) -> Tensor:
        """The mean weight of a key of each cluster, fp32 `[heads, query_blocks, c]`; −1 for those not visible yet."""
        count = clustered.count * int(segments[-1])
        centroids, sizes = clustered.centroids[:, :count], clustered.sizes[:, :count]
        places = own[:, None] * self.block + torch.arange(self.block, device=own.device) - view.start
        there = (places >= 0) & (places < view.query.shape[1])
        query = view.query[:, places.clamp(0, view.query.shape[1] - 1)]
        grouped, softmax = query.unflatten(0, (len(centroids), -1)).flatten(1, 3), view.scene.softmax
        scores = torch.bmm(grouped, (centroids * softmax.scale).to(query.dtype).mT)
        scores = softmax.bounded(scores)
        hidden = torch.arange(count, device=own.device) >= segments[:, None] * clustered.count
        keys = sizes.log()[:, None].masked_fill(hidden, -torch.inf).to(query.dtype)
        scores = scores.view(len(centroids), view.group, len(own), self.block, count).add_(
            keys[:, None, :, None]
        )
        share = (there / there.sum(1, keepdim=True)).to(query.dtype)[:, None]
        mean = (share @ scores.softmax(-1))[..., 0, :] / sizes.clamp(min=1).float()[:, None, None]
        flat: Tensor = mean.flatten(0, 1)
        return flat.masked_fill_(hidden, -1)

    def _chosen(self, weights: Tensor, clustered: SegmentClusters, segments: Tensor) -> Tensor:
        """Which clusters are visited, bool `[heads, query_blocks, c]`."""
        if self.threshold is not None:
            return weights > self.threshold
        heads, blocks, count = weights.shape
        order = weights.transpose(0, 1).flatten(1).argsort(1, descending=True)
        sizes = clustered.sizes[:, :count].repeat_interleave(heads // len(clustered.sizes), 0).flatten()
        budgets = [heads * tokens(self.budget, number * self.segment) for number in segments.tolist()]
        within = sizes[order].cumsum(1) <= torch.tensor(budgets, device=order.device)[:, None]
        chosen = torch.zeros_like(within).scatter_(1, order, within).view(blocks, heads, count)
        return chosen.transpose(0, 1) & (weights >= 0)


class SegmentClusters(State):
    """Clusters of the complete segments of some keys, `count` in each segment, a function of the keys alone.

    labels: the cluster of each key, numbered through all segments, int64 `[kv_heads, segments · segment]`. centroids:
    the mean of the keys of each, fp32 `[kv_heads, segments · count, dim]`. sizes: keys of each, 0 where segments have
    fewer different keys, int64 `[kv_heads, segments · count]`.
    """

    def __init__(self, segment: int, count: int, iterations: int) -> None:
        self.segment, self.count, self._iterations = segment, count, iterations
        self.labels = self.sizes = torch.empty(0, 0, dtype=torch.int64)
        self.centroids = torch.empty(0, 0, 0)

    def extend(self, key: Tensor, segments: int) -> None:
        """Clusters the segments of key `[kv_heads, m, dim]`, up to so many, that are not clustered yet."""
        known = self.labels.shape[1] // self.segment
        if segments <= known:
            return
        new = key[:, known * self.segment : segments * self.segment].float()
        rows, dim = new.shape[0], new.shape[2]
        sets = new.reshape(-1, self.segment, dim)
        # By direction, as the authors do; but their centroids are means of the keys themselves.
        _, labels = kmeans(sets, self.count, iterations=self._iterations, seed=0, cosine=True)
        first = torch.arange(known, segments, device=key.device).repeat(rows)[:, None] * self.count
        labels = (labels + first).view(rows, -1)
        place = labels - known * self.count
        sizes = labels.new_zeros(rows, (segments - known) * self.count)
        sizes.scatter_add_(1, place, torch.ones_like(place))
        sums = new.new_zeros(*sizes.shape, dim).scatter_add_(1, place[..., None].expand_as(new), new)
        centroids = sums / sizes.clamp(min=1)[..., None]
        if known:
            labels = torch.cat((self.labels, labels), 1)
            sizes = torch.cat((self.sizes, sizes), 1)
            centroids = torch.cat((self.centroids, centroids), 1)
        self.labels, self.sizes, self.centroids = labels, sizes, centroids

    def tensors(self) -> dict[str, Tensor]:
        """Nothing before the first segment is complete."""
        if not self.labels.numel():
            return {}
        return {"labels": self.labels, "sizes": self.sizes, "centroids": self.centroids}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Takes them back."""
        if tensors:
            self.labels, self.sizes, self.centroids = (
                tensors["labels"],
                tensors["sizes"],
                tensors["centroids"],
            )
