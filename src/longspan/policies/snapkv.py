"""SnapKV: what the end of the prompt attends to."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.parameters import check_range
from longspan.policies.base import Policy
from longspan.policies.view import View


@dataclass(frozen=True, kw_only=True)
class SnapKV(Policy):
    """Attention of the last queries, smoothed along the text. https://arxiv.org/abs/2404.14469

    window: last queries that are observed; their own entries always stay and count towards the budget.
    kernel: width of the average pooling that keeps neighbours of important entries.
    Deviations from the authors' code, which are those of kvpress: scores are the mean (not the sum) over the
    window, and the mean over the query heads of a group, since these share their entries; the defaults are
    window 64 and kernel 5.
    """

    window: int = 64
    kernel: int = 5

    def __post_init__(self) -> None:
        check_range("window", self.window, 1)
        check_range("kernel", self.kernel, 1)
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel={self.kernel} is outside the odd numbers 1, 3, 5 ..")
        super().__post_init__()

    @property
    def least(self) -> int:
        """The window."""
        return self.window

    @property
    def observed(self) -> int:
        """The window."""
        return self.window

    def scores(self, view: View) -> Tensor:
        """Mean weight from the window, pooled; +∞ inside the window."""
        weights = view.attention().mean(2)
        inside = view.positions >= view.seen - self.window
        weights = weights.masked_fill(inside[:, None], 0.0)
        pooled = torch.nn.functional.avg_pool1d(
            weights, kernel_size=self.kernel, stride=1, padding=self.kernel // 2
        )
        return pooled.mean(1).masked_fill(inside, torch.inf)
