"""Heads compete for the layer's budget."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from longspan.parameters import check_range
from longspan.policies.allocators.base import Allocator
from longspan.policies.view import View


@dataclass(frozen=True, kw_only=True)
class AdaKV(Allocator):
    """The best entries of a whole layer stay, whichever heads they are in. https://arxiv.org/abs/2407.11550

    floor: the share of the uniform budget that each head keeps in any case (the paper's α). Rows get different
    lengths here, so that what a head does not keep is really freed.
    """

    floor: float = 0.2

    def __post_init__(self) -> None:
        check_range("floor", self.floor, 0.0, 1.0)

    def counts(self, scores: Tensor, budget: int, view: View) -> Tensor:
        """How many of the layer's top entries lie in each row, after each row's floor."""
        rows, entries = scores.shape
        safe = min(int(budget * self.floor), entries)
        guarded = scores.scatter(1, scores.topk(safe, dim=1).indices, float("inf"))
        top = guarded.flatten().topk(min(budget * rows, rows * entries)).indices
        return (top // entries).bincount(minlength=rows)
