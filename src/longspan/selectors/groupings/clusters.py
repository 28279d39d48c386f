"""Clusters of keys."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor

from longspan.kernels.clusters import BEGINNINGS, Beginning, kmeans
from longspan.parameters import check_choice, check_range
from longspan.registry import Card
from longspan.selectors.base import Chosen, Visit
from longspan.selectors.column import Column
from longspan.selectors.groupings.base import Formed, Grouping, Groups, Picked, runs
from longspan.selectors.groupings.runs import RunGroups
from longspan.store.state import State

CARD = Card(
    name="clusters",
    target="longspan.selectors.groupings.clusters:Clusters",
    paper="Squeezed Attention: Accelerating Long Context Length LLM Inference",
    link="https://arxiv.org/abs/2411.09688",
    year=2024,
    training=False,
    changes="Entries with similar keys are visited or left out together.",
)


@dataclass(frozen=True, kw_only=True)
class Clusters(Grouping):
    """k-means over the directions of keys, in each KV head, as in Squeezed Attention, https://arxiv.org/abs/2411.09688."""

    contiguous: ClassVar[bool] = False

    share: float = 0.05
    """Clusters per entry."""
    iterations: int = 10
    """Rounds of k-means at most."""
    begin: Beginning = "random"
    """The vectors that it begins with, "random" ones or those of "k-means++"; the authors take k-means++ and up to
    300 rounds, which both need longer.
    """
    segment: int = 8192
    """Entries that are clustered together at most; the paper clusters the whole context at once, whose time grows
    with the square of its length.
    """
    growth: int = 512
    """How many entries are waited for before more are clustered; those that wait are always visited."""

    def __post_init__(self) -> None:
        check_range("share", self.share, 0.0, 1.0)
        check_range("iterations", self.iterations, 0)
        check_choice("begin", self.begin, BEGINNINGS)
        check_range("growth", self.growth, 1)
        check_range("segment", self.segment, self.growth)

    def groups(self, sinks: int) -> Groups:
        """No clusters yet."""
        return ClusterGroups(sinks, self)


class ClusterGroups(RunGroups):
    """Runs of a list in which the entries of each row stand cluster by cluster."""

    def __init__(self, sinks: int, clusters: Clusters) -> None:
        super().__init__(sinks)
        self._clusters, self._order = clusters, Column()

    def ends(self, visit: Visit, start: int, stop: int) -> list[list[int]]:
        """Segments, not clusters: equal parts, none longer than a segment."""
        waiting = stop - start
        if waiting < self._clusters.growth:
            return [[]]
        parts = -(-waiting // self._clusters.segment)
        return [[start + waiting * part // parts for part in range(1, parts + 1)]]

    def form(self, visit: Visit, start: int, stop: int) -> Formed | None:
        """The clusters of further segments."""
        orders, sizes = [], []
        (ends,) = self.ends(visit, start, stop)
        begin = start
        for end in ends:
            keys = visit.keys(begin, end)
            count = max(1, round(self._clusters.share * (end - begin)))
            rounds, first = self._clusters.iterations, self._clusters.begin
            _, labels = kmeans(keys, count, iterations=rounds, seed=0, cosine=True, begin=first)
            orders.append(labels.argsort(dim=1, stable=True) + begin)
            sizes.append(torch.stack([row.bincount(minlength=count) for row in labels]))
            begin = end
        if not ends:
            return None
        order, size = torch.cat(orders, 1), torch.cat(sizes, 1)
        self._order.append(order)
        self._starts.append(size.cumsum(1) - size + start - self.sinks)
        self._sizes.append(size)
        read = partial(_in_order, visit, start, ends[-1], order)
        return Formed(start=start, stop=ends[-1], read=read, count=size.shape[1], sizes=size)

    def spread(self, picked: Picked, visit: Visit) -> Chosen:
        """The entries of all picked clusters, sorted."""
        heads, entries = len(visit.query), visit.entries
        place, counts = runs(*self.picked(picked, heads, self._starts.value))
        order = self._order.value.repeat_interleave(heads // self.rows, 0)
        meant = torch.arange(place.shape[1], device=place.device) < counts[:, None]
        found = order.gather(1, place.clamp_(max=order.shape[1] - 1)).masked_fill_(~meant, entries)
        found = found.sort(1).values
        before = torch.arange(self.sinks, device=found.device).expand(heads, -1)
        after = torch.arange(self.after(picked), entries, device=found.device).expand(heads, -1)
        # The last entries follow the last meant one of each head.
        tail = counts[:, None] + torch.arange(after.shape[1], device=found.device)
        room = torch.nn.functional.pad(found, (0, after.shape[1]), value=entries - 1)
        room.scatter_(1, tail, after)
        total = counts + self.sinks + after.shape[1]
        index = torch.cat((before, room), 1)[:, : int(total.max())]
        return Chosen(index.clamp_(max=entries - 1), total)

    @property
    def parts(self) -> dict[str, State]:
        """With the list."""
        return super().parts | {"order": self._order}


def _in_order(visit: Visit, start: int, stop: int, order: Tensor) -> Tensor:
    keys = visit.keys(start, stop)
    return keys.gather(1, (order - start)[..., None].expand(-1, -1, keys.shape[-1]))
