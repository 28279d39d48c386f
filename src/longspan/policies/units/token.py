"""Entries on their own."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from longspan.policies.units.base import Unit
from longspan.policies.view import View
from longspan.registry import Card

CARD = Card(
    name="token",
    target="longspan.policies.units.token:Token",
    paper="H2O: Heavy-Hitter Oracle for Efficient Generative Inference of Large Language Models",
    link="https://arxiv.org/abs/2306.14048",
    year=2023,
    training=False,
    changes="Each entry stays or goes by its own score.",
)


@dataclass(frozen=True, kw_only=True)
class Token(Unit):
    """Each entry stays or goes by its own score, as in H2O, https://arxiv.org/abs/2306.14048."""

    def pool(self, scores: Tensor, view: View) -> Tensor:
        """The scores as they are."""
        return scores

    def choose(self, scores: Tensor, count: int, view: View, row: int) -> Tensor:
        """The best."""
        return scores.topk(min(count, len(scores))).indices.sort().values
