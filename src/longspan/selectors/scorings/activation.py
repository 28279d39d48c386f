"""Queries weighted by how unusual they are, and a cut-off by how spread the scores are."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

from torch import Tensor

from longspan.parameters import check_range
from longspan.registry import Card
from longspan.selectors.base import Visit
from longspan.selectors.groupings.base import Picked
from longspan.selectors.scorings.base import Scoring, fitting, prefix

CARD = Card(
    name="activation",
    target="longspan.selectors.scorings.activation:Activation",
    paper="Activation-aware Probe-Query: Effective Key-Value Retrieval for Long-Context LLMs Inference",
    link="https://arxiv.org/abs/2502.13542",
    year=2025,
    training=False,
    changes="Unusual queries count more, and the more evenly scores spread the more groups are visited.",
)


@dataclass(frozen=True, kw_only=True)
class Activation(Scoring):
    """The probe query and the cut-off of ActQKV, https://arxiv.org/abs/2502.13542.

    The queries of a block are averaged with weights, the activation bias: the mean over channels and heads of
    (q − μ)² / (σ² + σ̄²/100), μ and σ² over the block (the authors keep running ones), σ̄² their mean.
    All heads choose together by the sum of their matches. The more evenly the softmax of their mean spreads over the
    groups, the more of the budget is used: H / log n, its entropy as a share of the largest.
    """

    joint: ClassVar[bool] = True

    floor: float = field(default=0.5, metadata={"formerly": "least"})
    """Share of the budget that is used in any case. The authors give each layer a part of a common budget in
    proportion to its mean H / log n; here every layer has the same budget and uses its own share of it.
    """

    def __post_init__(self) -> None:
        check_range("floor", self.floor, 0.0, 1.0)

    def probe(self, query: Tensor) -> Tensor:
        """The queries of the block, weighted by activation bias."""
        if query.shape[1] == 1:
            return query[:, 0]
        exact = query.float()
        variance = exact.var(1, keepdim=True, unbiased=False)
        bias = (exact - exact.mean(1, keepdim=True)).square() / (variance + variance.mean() / 100 + 1e-12)
        weights = bias.mean((0, 2))
        return (exact * (weights / weights.sum().clamp(min=1e-12))[:, None]).sum(1).to(query.dtype)

    def scores(self, match: Tensor, sizes: int | Tensor, visit: Visit) -> Tensor:
        """One chooser: the mean match, as a logit."""
        return visit.scene.softmax.logits(match).mean((0, 1))[None, None]

    def pick(self, scores: Tensor, sizes: int | Tensor, budget: int | None) -> Picked:
        """The best groups that fit into the part of the budget that is used."""
        logs = scores.log_softmax(-1)
        spread = -float((logs.exp() * logs).sum()) / math.log(max(2, scores.shape[-1]))
        order = scores.argsort(-1, descending=True)
        entries = budget if budget is not None else scores.shape[-1] * _largest(sizes)
        used = int(entries * (self.floor + (1 - self.floor) * min(1.0, spread)))
        return prefix(order, fitting(order, sizes, used).clamp(min=1))


def _largest(sizes: int | Tensor) -> int:
    return sizes if isinstance(sizes, int) else int(sizes.max())
