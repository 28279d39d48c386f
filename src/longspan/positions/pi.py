"""Position Interpolation: all positions are pressed into the trained window."""

from __future__ import annotations

from dataclasses import dataclass

from longspan.positions.base import Rope
from longspan.positions.stretch import Stretch
from longspan.registry import Card

CARD = Card(
    name="pi",
    target="longspan.positions.pi:PI",
    paper="Extending Context Window of Large Language Models via Positional Interpolation",
    link="https://arxiv.org/abs/2306.15595",
    year=2023,
    training=False,
    changes="Divides all positions by the factor, so that they stay within the trained window.",
    field=(88,),
)


@dataclass(frozen=True, kw_only=True)
class PI(Stretch):
    """θ_j / s for every channel pair. https://arxiv.org/abs/2306.15595

    Helps fully only after tuning at that factor.
    """

    def rope(self, rope: Rope) -> Rope:
        """All frequencies divided by the factor."""
        return rope.with_(inv_freq=rope.inv_freq / self.scale)
