"""Retrieval heads keep everything, streaming heads the first and the most recent entries."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from longspan.errors import PlanError
from longspan.parameters import check_range
from longspan.policies.allocators.base import Allocator
from longspan.policies.view import View

if TYPE_CHECKING:
    from longspan.plan import Plan


@dataclass(frozen=True, kw_only=True)
class RetrievalHeads(Allocator):
    """As many heads as the budget allows keep everything, as in DuoAttention. https://arxiv.org/abs/2410.10819

    sinks, recent: what each other head, a streaming head, keeps: so many first and so many last entries. Which heads
    retrieve is measured once of the model (profile "heads"); the best of all layers are chosen, as many as leave the
    mean row within the budget, and only entries that a policy scores +∞ come before sinks and recent ones.
    Deviations: the paper trains a gate for each head, and its users choose the share of retrieval heads; here both
    follow from the measured scores and the budget. Scores are measured on a text made from templates. Streaming heads
    read the prompt with full attention where when="end"; the authors' stream there, too (when="chunk"). A
    budget of tokens makes fewer heads retrieve as the text grows,
    and one that is a fraction makes it more: with when="chunk" a head that comes late lacks what it had dropped.
    """

    profile: ClassVar[str] = "heads"

    sinks: int = 128
    recent: int = 256

    def __post_init__(self) -> None:
        check_range("sinks", self.sinks, 0)
        check_range("recent", self.recent, 1)

    @property
    def least(self) -> int:
        """What every head keeps."""
        return self.sinks + self.recent

    def check(self, plan: Plan) -> None:
        """Refuses budgets of fewer tokens than streaming heads keep."""
        budget = plan.policy.budget if plan.policy is not None else 1.0
        if isinstance(budget, int) and budget < self.least:
            raise PlanError(
                f"retrieval-heads: budget={budget} is outside {self.least} .. ∞ tokens, which streaming heads keep; "
                "raise budget or lower sinks or recent"
            )

    def layer_budget(self, budget: int, view: View) -> int:
        """The mean row of the layer, rounded down; a budget below what streaming heads keep is raised to it."""
        if budget >= view.seen:
            return budget
        rows, scores = view.keys.shape[0], view.profile(self.profile)
        everything, least = view.seen, min(self.least, view.seen)
        heads = int((scores > 0).sum())
        retrieving = max(0, heads * (budget - least)) // max(1, everything - least)
        best = scores.flatten().argsort(descending=True, stable=True)[:retrieving]
        here = int((best // scores.shape[1] == view.layer).sum())
        return (here * everything + (rows - here) * least) // rows

    def reshape(self, scores: Tensor, budget: int, view: View) -> Tensor:
        """The later an entry, the more important, and sinks before all others that need not stay."""
        order = view.positions + view.seen * (view.positions < self.sinks)
        return scores.where(scores.isinf(), order.to(scores.dtype))

    def counts(self, scores: Tensor, budget: int, view: View) -> Tensor:
        """Everything for the layer's best heads, of which the budget says how many there are."""
        rows, least = len(scores), min(self.least, view.seen)
        keep = torch.full((rows,), least)
        if budget >= view.seen:
            keep[:] = view.seen
        elif view.seen > least:
            retrieving = math.ceil(max(0, budget - least) * rows / (view.seen - least))
            best = view.profile(self.profile)[view.layer, :rows].argsort(descending=True, stable=True)
            keep[best[:retrieving]] = view.seen
        return keep.to(scores.device)
