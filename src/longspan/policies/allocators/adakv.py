"""Heads compete for the layer's budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from longspan.parameters import check_choice, check_range
from longspan.policies.allocators.base import Allocator
from longspan.policies.view import View
from longspan.registry import Card

CARD = Card(
    name="adakv",
    target="longspan.policies.allocators.adakv:AdaKV",
    paper="Ada-KV: Optimizing KV Cache Eviction by Adaptive Budget Allocation for Efficient LLM Inference",
    link="https://arxiv.org/abs/2407.11550",
    year=2024,
    training=False,
    changes="Lets the heads of a layer compete for its budget, each with a guaranteed share.",
)


@dataclass(frozen=True, kw_only=True)
class AdaKV(Allocator):
    """The best entries of a whole layer stay, whichever heads they are in. https://arxiv.org/abs/2407.11550

    By rounding, the authors' rule may miss the budget by half an entry a row. Rows get different lengths here, so that
    what a head does not keep is really freed.
    """

    floor: float = 0.2
    """The share α of the uniform budget that each head keeps in any case."""
    rule: Literal["blend", "guard"] = "blend"
    """"blend", the authors': of a head's entries that need not stay, round((1 − α)·B* + α·B) do, where B* of them
    are among the best of the layer and B is the mean; or "guard", kvpress's: each row's best α·B are taken
    first, and then the best of the layer.
    """

    def __post_init__(self) -> None:
        check_range("floor", self.floor, 0.0, 1.0)
        check_choice("rule", self.rule, ("blend", "guard"))

    def counts(self, scores: Tensor, budget: int, view: View) -> Tensor:
        """How many of the layer's top entries lie in each row, with each row's floor."""
        rows, entries = scores.shape
        safe = min(int(budget * self.floor), entries) if self.rule == "guard" else 0
        guarded = scores.scatter(1, scores.topk(safe, dim=1).indices, float("inf"))
        top = guarded.flatten().topk(min(budget * rows, rows * entries)).indices
        counts = (top // entries).bincount(minlength=rows)
        if self.rule == "guard":
            return counts
        fixed = scores.isposinf().sum(1)
        mean = budget - float(fixed.float().mean())
        blended = (1 - self.floor) * (counts - fixed).clamp(min=0) + self.floor * max(0.0, mean)
        return fixed + blended.round().long()
