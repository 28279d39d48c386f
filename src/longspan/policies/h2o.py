"""H2O: the entries that received most attention, and the most recent ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from longspan.parameters import check_choice, check_range
from longspan.policies.base import Policy
from longspan.policies.gathering import PerEntry, gathered
from longspan.policies.tracker import Tracking
from longspan.policies.view import View
from longspan.registry import Card


class Received(PerEntry):
    """Attention that each entry received from all queries so far, mean over the query heads of its group."""

    def watch(self, view: View, raw: Tensor, *, rehearsed: bool) -> None:
        """Adds the weights of the new queries."""
        if not rehearsed:
            self.held = self.numbers(view) + view.received()


@dataclass(frozen=True, kw_only=True)
class Reception(Tracking):
    """Accumulated attention."""

    def tracker(self) -> Received:
        """With nothing received."""
        return Received()


CARD = Card(
    name="h2o",
    target="longspan.policies.h2o:H2O",
    paper="H2O: Heavy-Hitter Oracle for Efficient Generative Inference of Large Language Models",
    link="https://arxiv.org/abs/2306.14048",
    year=2023,
    training=False,
    changes="Keeps the entries that received most attention while text was read, and the most recent ones.",
)


@dataclass(frozen=True, kw_only=True)
class H2O(Policy):
    """Heavy hitters, by accumulated attention, and a recent window. https://arxiv.org/abs/2306.14048

    Deviations: weights are averaged over the query heads of a group, which share their entries. The authors evict after
    every token, here the policy acts when `when` says.
    """

    recent: float = 0.5
    """Share of the budget that the most recent entries have, in [0, 1]; the paper gives them half."""
    score: Literal["sum", "mean"] = "sum"
    """What decides on entries that are not recent, the "sum" of the weights that an entry received, as in the paper, or
    their "mean" over the queries that could see it, which favours early entries less; `recent=0` with the mean is
    kvpress's observed attention.
    """

    def __post_init__(self) -> None:
        check_range("recent", self.recent, 0.0, 1.0)
        check_choice("score", self.score, ("sum", "mean"))
        super().__post_init__()

    @property
    def tracking(self) -> Reception:
        """Accumulated attention."""
        return Reception()

    def scores(self, view: View) -> Tensor:
        """Attention received from all queries, or on average from each; +∞ for the recent entries."""
        received = gathered(view, Received).numbers(view)
        budget = self.allocator.layer_budget(self.limit(view.scene.seen), view)
        recent = view.positions >= view.scene.seen - int(budget * self.recent)
        if self.score == "mean":
            received = received / (view.scene.seen - view.positions)
        return received.masked_fill(recent, torch.inf)
