"""Adjusted base frequency: a larger rotary base, for models tuned with it."""

from __future__ import annotations

from dataclasses import dataclass

from longspan.errors import PlanError
from longspan.parameters import check_range
from longspan.positions.base import Rope
from longspan.positions.rebase import rebase
from longspan.positions.stretch import Stretch
from longspan.registry import Card

CARD = Card(
    name="abf",
    target="longspan.positions.abf:ABF",
    paper="Effective Long-Context Scaling of Foundation Models",
    link="https://arxiv.org/abs/2309.16039",
    year=2023,
    training=True,
    changes="Replaces the rotary base by a larger one.",
    field=(72,),
)


@dataclass(frozen=True, kw_only=True)
class ABF(Stretch):
    """θ_j = base^(−2j/r), whatever the length of the text. https://arxiv.org/abs/2309.16039

    The model has to be tuned with that base: the paper goes from 10,000 to 500,000 and trains on 32k tokens. The
    base does not depend on the factor, which only says how far the tuned model may read. Where a model's config
    scales its frequencies, the scaling stays. A model whose own base is larger is refused, for a smaller one would
    make its window shorter; with an equal one nothing changes.
    """

    factor: float | None = None
    """The length that the model was tuned for over the trained window in its config; by default as the text needs
    it."""
    base: float = 500_000.0
    """b, the rotary base that the model was tuned with."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("base", self.base, 1.0)

    def rope(self, rope: Rope) -> Rope:
        """Frequencies of the new base. PlanError where the model's own is larger."""
        if self.base < rope.theta:
            raise PlanError(
                f"base={self.base:,.0f} is below the model's own rotary base, {rope.theta:,.0f}; "
                f"raise it with base={rope.theta:.0f} or more, or leave this scheme out"
            )
        return rebase(rope, self.base)
