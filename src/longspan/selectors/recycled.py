"""Recycled Attention: the best tokens of the last full step."""

from __future__ import annotations

from dataclasses import dataclass

from longspan.parameters import Budget, check_budget, check_range
from longspan.registry import Card
from longspan.selectors.digests.keys import Keys
from longspan.selectors.groupings.tokens import Tokens
from longspan.selectors.retrieve import Recipe, Retrieve
from longspan.selectors.reuses.steps import Steps
from longspan.selectors.scorings.shared import Shared

CARD = Card(
    name="recycled",
    target="longspan.selectors.recycled:Recycled",
    paper="Recycled Attention: Efficient inference for long-context language models",
    link="https://arxiv.org/abs/2411.05787",
    year=2024,
    training=False,
    changes="Queries visit everything every so many steps, and in between what mattered most then.",
    field=(233,),
    missing="It follows the paper's text alone, since no code of the authors was to be had to compare with.",
)


@dataclass(frozen=True, kw_only=True)
class Recycled(Recipe):
    """Attends to everything every `stride` steps, and in between to what mattered most then. https://arxiv.org/abs/2411.05787

    What mattered is chosen for each KV head by the largest weight that any of its query heads gave. All tokens
    since the last full step are visited too.
    """

    budget: Budget = 4096
    """The paper's K, tokens kept from a full step."""
    stride: int = 50
    """The paper's S, steps from one full step to the next."""

    def __post_init__(self) -> None:
        check_budget("budget", self.budget)
        check_range("stride", self.stride, 1)
        super().__post_init__()

    def combination(self) -> Retrieve:
        """Tokens, their keys, and a choice that serves many steps."""
        return Retrieve(
            grouping=Tokens(),
            digest=Keys(),
            scoring=Shared(pool="max"),
            reuse=Steps(stride=self.stride, whole=True),
            budget=self.budget,
            dense=0,
        )
