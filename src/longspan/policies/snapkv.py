"""SnapKV: what the end of the prompt attends to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import avg_pool1d, max_pool1d

from longspan.parameters import check_choice, check_range
from longspan.policies.base import Policy
from longspan.policies.view import View
from longspan.registry import Card

CARD = Card(
    name="snapkv",
    target="longspan.policies.snapkv:SnapKV",
    paper="SnapKV: LLM Knows What You are Looking for Before Generation",
    link="https://arxiv.org/abs/2404.14469",
    year=2024,
    training=False,
    changes="Keeps the entries to which the last queries of the prompt attend, and their neighbours.",
)


@dataclass(frozen=True, kw_only=True)
class SnapKV(Policy):
    """Attention of the last queries, smoothed along the text. https://arxiv.org/abs/2404.14469

    The defaults are those of the authors' published runs, window 32, kernel 7 and max; kvpress has 64, 5 and avg.
    Deviation: scores are the mean over the query heads of a group, since these share their entries, as in kvpress.
    Where a policy has acted before, neighbours are those in the cache.
    """

    window: int = 32
    """Last queries that are observed; their own entries always stay and count towards the budget."""
    kernel: int = 7
    """Width of the pooling that keeps neighbours of important entries."""
    pooling: Literal["max", "avg"] = "max"
    """Whether pooling takes their largest weight ("max") or their mean ("avg")."""

    def __post_init__(self) -> None:
        check_range("window", self.window, 1)
        check_range("kernel", self.kernel, 1)
        check_choice("pooling", self.pooling, ("max", "avg"))
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel={self.kernel} is outside the odd numbers 1, 3, 5 ..")
        super().__post_init__()

    @property
    def min_entries(self) -> int:
        """The window."""
        return self.window

    @property
    def observed(self) -> int:
        """The window."""
        return self.window

    def scores(self, view: View) -> Tensor:
        """Mean weight from the window, pooled; +∞ inside the window."""
        weights = view.attention().mean(2)
        inside = view.positions >= view.scene.seen - self.window
        weights = weights.masked_fill(inside[:, None], 0.0)
        pool = max_pool1d if self.pooling == "max" else avg_pool1d
        pooled: Tensor = pool(weights, kernel_size=self.kernel, stride=1, padding=self.kernel // 2)
        return pooled.mean(1).masked_fill(inside, torch.inf)
