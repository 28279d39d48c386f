"""Query heads that share a KV head choose together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from longspan.parameters import check_choice
from longspan.registry import Card
from longspan.selectors.base import Visit
from longspan.selectors.scorings.base import Scoring

CARD = Card(
    name="shared",
    target="longspan.selectors.scorings.shared:Shared",
    paper="ShadowKV: KV Cache in Shadows for High-Throughput Long-Context LLM Inference",
    link="https://arxiv.org/abs/2410.21465",
    year=2024,
    training=False,
    changes="The query heads that share a KV head choose together.",
)


@dataclass(frozen=True, kw_only=True)
class Shared(Scoring):
    """The query heads of a KV head visit the same groups, as in ShadowKV, https://arxiv.org/abs/2410.21465."""

    pool: Literal["max", "mean", "sum"] = "max"
    """What stands for the heads together: "max" or "mean" over them of the softmax over groups, or "sum" of the
    matches themselves.
    """

    def __post_init__(self) -> None:
        check_choice("pool", self.pool, ("max", "mean", "sum"))

    def scores(self, match: Tensor, sizes: int | Tensor, visit: Visit) -> Tensor:
        """One chooser a row."""
        if self.pool == "sum":
            return match.float().sum(1, keepdim=True)
        weights = visit.scene.softmax.logits(match).softmax(-1)
        return weights.amax(1, keepdim=True) if self.pool == "max" else weights.mean(1, keepdim=True)
