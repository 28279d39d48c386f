"""Soft votes of all heads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from longspan.registry import Card
from longspan.selectors.base import Visit
from longspan.selectors.scorings.base import Scoring

CARD = Card(
    name="votes",
    target="longspan.selectors.scorings.votes:Votes",
    paper="TokenSelect: Efficient Long-Context Inference and Length Extrapolation for LLMs via Dynamic "
    "Token-Level KV Cache Selection",
    link="https://arxiv.org/abs/2411.02886",
    year=2024,
    training=False,
    changes="All heads of a layer choose together by the sum of their softmax weights.",
)


@dataclass(frozen=True, kw_only=True)
class Votes(Scoring):
    """All heads of a layer visit the same groups, those with the largest sum of softmax weights over the heads.

    The per-head soft vote of TokenSelect, https://arxiv.org/abs/2411.02886.
    """

    joint: ClassVar[bool] = True

    scaled: bool = False
    """Whether the softmax is of the matches times the model's scale, 1/√d, as in attention; the authors' code takes
    it of query · key itself, so that votes are sharper. Where the model bounds its scores, matches are bounded.
    """

    def scores(self, match: Tensor, sizes: int | Tensor, visit: Visit) -> Tensor:
        """One chooser."""
        logits = visit.scene.softmax.logits(match)
        return (
            (logits if self.scaled else logits / visit.scene.softmax.scale)
            .softmax(-1)
            .sum((0, 1))[None, None]
        )
