"""CaM: values of dropped entries are spread, by chance, over the kept ones that follow."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.parameters import check_range
from longspan.policies.disposers.merger import Merger, Row
from longspan.policies.disposers.nearest import weights
from longspan.policies.view import View
from longspan.registry import Card

CARD = Card(
    name="cam",
    target="longspan.policies.disposers.cam:CaM",
    paper="CaM: Cache Merging for Memory-efficient LLMs Inference",
    link="https://openreview.net/forum?id=LCTmppB165",
    year=2024,
    training=False,
    changes="Adds values that do not stay to the kept values that follow, drawn by their attention.",
)


@dataclass(frozen=True, kw_only=True)
class CaM(Merger):
    """CaM: Cache Merging for Memory-efficient LLMs Inference. https://openreview.net/forum?id=LCTmppB165

    A dropped value v with attention a is added as v / m to the next m kept values, with probability min(1, a / mean
    attention of these m), so that what the cache gives out stays the same on average. Keys are dropped.
    Deviations: that; attention is the policy's score, whichever that is (the authors take the last query's); the mean
    is over the m entries that receive (in the authors' code over all recent ones).
    """

    merge_budget: int = 32
    """m, the kept values after a dropped one that take it in, 32 as in the authors' code; where fewer follow, these."""
    normalized: bool = True
    """Divide each kept value by 1 + the number of values it received, each counted as 1 / m. The authors drop one
    token at a step and do not; where a policy drops many at once, or often, sums grow without bound.
    """
    seed: int = 0
    """Seed of the draws, which also depend on layer, KV head and tokens read, so that a run can be repeated."""

    def __post_init__(self) -> None:
        check_range("merge_budget", self.merge_budget, 1)
        check_range("seed", self.seed, 0, 2**31 - 1)

    def merged(self, row: Row, view: View) -> tuple[Tensor, Tensor]:
        """Keys as they are, values with what the draws add to them."""
        weight = weights(row.scores)
        first, count = following(row.kept, row.dropped, self.merge_budget)
        chance = chances(weight[row.kept], weight[row.dropped], first, count)
        place = hash((self.seed, view.scene.seen, view.scene.layer, row.number))
        generator = torch.Generator().manual_seed(place % 2**32)
        drawn = torch.rand(len(chance), generator=generator).to(chance.device) < chance
        added, received = spread(row.values[row.dropped], first, count.masked_fill(~drawn, 0), len(row.kept))
        values = row.values[row.kept] + added
        return row.keys[row.kept], values / (1 + received[:, None]) if self.normalized else values


def following(kept: Tensor, dropped: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """For each dropped entry the place of the first kept one after it, and how many there are, at most `count`."""
    first = torch.searchsorted(kept, dropped)
    return first, (len(kept) - first).clamp(max=count)


def chances(kept: Tensor, dropped: Tensor, first: Tensor, count: Tensor) -> Tensor:
    """min(1, weight / mean weight of the `count` kept ones from `first` on), for each dropped one; all `[d]`."""
    until = torch.cat((kept.new_zeros(1, dtype=torch.float64), kept.double().cumsum(0)))
    mean = ((until[first + count] - until[first]) / count.clamp(min=1)).float()
    return torch.where(mean > 0, dropped / mean, (dropped > 0).float()).clamp(max=1.0)


def spread(values: Tensor, first: Tensor, count: Tensor, places: int) -> tuple[Tensor, Tensor]:
    """Each value / count added to `count` places from `first` on: sums `[places, dim]`, and sums of 1 / count."""
    added, received = values.new_zeros(places, values.shape[1]), values.new_zeros(places)
    part = 1 / count.clamp(min=1)
    for step in range(int(count.max())):
        here = (step < count).nonzero()[:, 0]
        added.index_add_(0, first[here] + step, part[here, None] * values[here])
        received.index_add_(0, first[here] + step, part[here])
    return added, received
