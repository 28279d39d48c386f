"""EMS: attention from all queries and from the last ones, and merging before eviction."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from longspan.parameters import check_range
from longspan.policies.base import Policy
from longspan.policies.disposers.base import Disposer
from longspan.policies.disposers.ems import EvictThenMerge
from longspan.policies.gathering import gathered
from longspan.policies.h2o import Received, Reception
from longspan.policies.view import View
from longspan.registry import Card

CARD = Card(
    name="ems",
    target="longspan.policies.ems:EMS",
    paper=(
        "EMS: Adaptive Evict-then-Merge Strategy for Head-wise KV Cache Compression "
        "Based on Global-Local Importance"
    ),
    link="https://arxiv.org/abs/2412.08521",
    year=2024,
    training=False,
    changes="Keeps what all queries and what the last queries attend to, and merges before it evicts.",
    field=(68,),
    missing="Its window and weights are our own, since the paper's could not be read and there is no code.",
)


@dataclass(frozen=True, kw_only=True)
class EMS(Policy):
    """Global-local importance with evict-then-merge. https://arxiv.org/abs/2412.08521

    The global score of an entry is the attention that it received from all queries so far, the local score what it
    received from the last `window`, whose own entries always stay.
    What does not stay is evicted or merged, as the disposer says. Deviations: scores are means over the query heads of
    a group, which share their entries; the defaults of window and local, and dividing by the sums, are ours.
    """

    window: int = 32
    """Last queries, by which the local score goes; their own entries always stay."""
    local: float = 0.5
    """The weight of the local score in [0, 1], beside 1 − local for the global one; both are first divided by their
    sum over the row, since the global one grows with the text.
    """
    disposer: Disposer = field(default_factory=EvictThenMerge, metadata={"room": "disposer"})

    def __post_init__(self) -> None:
        check_range("window", self.window, 1)
        check_range("local", self.local, 0.0, 1.0)
        super().__post_init__()

    @property
    def min_entries(self) -> int:
        """The window."""
        return self.window

    @property
    def observed(self) -> int:
        """The window."""
        return self.window

    @property
    def tracking(self) -> Reception:
        """Accumulated attention."""
        return Reception()

    def scores(self, view: View) -> Tensor:
        """Shares of all attention and of the window's; +∞ inside the window."""
        inside = view.positions >= view.scene.seen - self.window
        everywhere = gathered(view, Received).numbers(view).masked_fill(inside, 0.0)
        lately = view.attention().sum(2).mean(1).masked_fill(inside, 0.0)
        mixed = (1 - self.local) * _portions(everywhere) + self.local * _portions(lately)
        return mixed.masked_fill(inside, torch.inf)


def _portions(received: Tensor) -> Tensor:
    """Divided by the sum of the row, where it is not 0."""
    total = received.sum(-1, keepdim=True)
    return received / total.masked_fill(total == 0, 1.0)
