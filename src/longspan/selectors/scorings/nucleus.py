"""As many groups as hold most of the weight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from longspan.parameters import check_range
from longspan.registry import Card
from longspan.selectors.base import Visit
from longspan.selectors.groupings.base import Picked
from longspan.selectors.scorings.base import Scoring, fitting, prefix

CARD = Card(
    name="nucleus",
    target="longspan.selectors.scorings.nucleus:Nucleus",
    paper="Round Attention: A Novel Round-Level Attention Mechanism to Accelerate LLM Inference",
    link="https://arxiv.org/abs/2502.15294",
    year=2025,
    training=False,
    changes="All heads of a layer visit the fewest groups that hold a share of the weight.",
)


@dataclass(frozen=True, kw_only=True)
class Nucleus(Scoring):
    """All heads of a layer visit the fewest groups that hold a share of the weight, averaged over the heads.

    As in Round Attention, https://arxiv.org/abs/2502.15294, which takes the top k rounds with k from the attention
    weights at hand.
    """

    joint: ClassVar[bool] = True

    share: float = 0.9
    """Share of the weight that the visited groups hold. A budget bounds the entries as well."""

    def __post_init__(self) -> None:
        check_range("share", self.share, 0.0, 1.0)

    def scores(self, match: Tensor, sizes: int | Tensor, visit: Visit) -> Tensor:
        """One chooser: the mean weight of each group."""
        return visit.scene.softmax.logits(match).softmax(-1).mean((0, 1))[None, None]

    def pick(self, scores: Tensor, sizes: int | Tensor, budget: int | None) -> Picked:
        """The best groups until the share is reached."""
        ranked, order = scores.sort(-1, descending=True)
        counts = (ranked.cumsum(-1) - ranked < self.share).sum(-1).clamp(min=1)
        if budget is not None:
            counts = counts.minimum(fitting(order, sizes, budget).clamp(min=1))
        return prefix(order, counts)
