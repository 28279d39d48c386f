"""The contract of a scoring: from how well each head matches each group to the groups that are chosen."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from longspan.kernels.choosing import highest
from longspan.selectors.base import Visit
from longspan.selectors.groupings.base import Picked


@dataclass(frozen=True, kw_only=True)
class Scoring(ABC):
    """Base of all scorings.

    joint: whether all rows of a layer choose together; rows of different length never do. alone: whether a head of
    generated tokens chooses the groups that match it best, whatever other heads do.
    """

    joint: ClassVar[bool] = False
    alone: ClassVar[bool] = False

    def probe(self, query: Tensor) -> Tensor:
        """The one query that chooses for `[heads, n, dim]`: `[heads, dim]`, their mean."""
        return query[:, 0] if query.shape[1] == 1 else query.mean(1)

    def probes(self, query: Tensor, groups: int) -> Iterator[Tensor]:
        """The queries that choose among so many groups, `[heads, k, dim]` at a time; by default the one of `probe`."""
        yield self.probe(query)[:, None]

    def joined(self, scores: Sequence[Tensor]) -> Tensor:
        """One score for each group from those by each part of `probes`."""
        (only,) = scores
        return only

    @abstractmethod
    def scores(self, match: Tensor, sizes: int | Tensor, visit: Visit) -> Tensor:
        """How promising each group is: `[rows, group, groups]` → `[rows or 1, choosers, groups]`.

        match: as query · key is, of the queries that choose, those of a head side by side; a softmax is taken of
        `visit.scene.softmax.logits(match)`. sizes: entries of each group.
        """

    def pick(self, scores: Tensor, sizes: int | Tensor, budget: int | None) -> Picked:
        """The most promising groups that fit into `budget` entries together, and one in any case; None for all."""
        return best(scores, sizes, budget)


def best(scores: Tensor, sizes: int | Tensor, budget: int | None) -> Picked:
    """The groups with the highest scores, as many as fit into `budget` entries, and one in any case."""
    if budget is None:
        return all_of(scores)
    if isinstance(sizes, int):
        wanted = min(max(1, budget // sizes), scores.shape[-1])
        return Picked(highest(scores, wanted))
    order = scores.argsort(-1, descending=True)
    return prefix(order, fitting(order, sizes, budget).clamp(min=1))


def all_of(scores: Tensor) -> Picked:
    """Every group."""
    return Picked(torch.arange(scores.shape[-1], device=scores.device).expand(scores.shape))


def fitting(order: Tensor, sizes: int | Tensor, budget: int) -> Tensor:
    """How many groups of each ranking `[rows, choosers, groups]` fit into `budget` entries."""
    return (ranked_sizes(order, sizes).cumsum(-1) <= budget).sum(-1)


def closest(order: Tensor, sizes: int | Tensor, budget: int) -> Tensor:
    """How many groups of each ranking `[rows, choosers, groups]` come nearest to `budget` entries, the fewer of two."""
    each = ranked_sizes(order, sizes)
    total = each.cumsum(-1)
    return (total - budget < budget - (total - each)).sum(-1)


def ranked_sizes(order: Tensor, sizes: int | Tensor) -> Tensor:
    """The sizes of ranked groups; of the largest row where all rows choose together."""
    if isinstance(sizes, int):
        return torch.full_like(order, sizes)
    widest = sizes if len(sizes) == len(order) else sizes.amax(0, keepdim=True)
    return widest[:, None].expand(-1, order.shape[1], -1).gather(-1, order)


def prefix(order: Tensor, counts: Tensor) -> Picked:
    """Of each chooser the first `counts` groups of its ranking `[rows, choosers, groups]`."""
    ranked = order[..., : max(1, int(counts.max()))]
    left_out = torch.arange(ranked.shape[-1], device=order.device) >= counts[..., None]
    ascending = ranked.masked_fill(left_out, order.shape[-1]).sort(-1).values
    return Picked(ascending.clamp_(max=order.shape[-1] - 1), counts)
