"""Retrieval heads keep everything, streaming heads the first and the most recent entries."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from longspan.errors import PlanError
from longspan.parameters import check_range
from longspan.policies.allocators.base import Allocator
from longspan.policies.view import View

if TYPE_CHECKING:
    from longspan.plan import Plan


SMALLEST_GATE = 1e-6
"""What a head counts whose gate is closed; 0 stands for heads that policies leave alone."""


@dataclass(frozen=True, kw_only=True)
class RetrievalHeads(Allocator):
    """As many heads as the budget allows keep everything, as in DuoAttention. https://arxiv.org/abs/2410.10819

    sinks, recent: what each other head, a streaming head, keeps: so many first and so many last entries. Which heads
    retrieve is measured once of the model (profile "heads"), or read from a file; the best of all layers are
    chosen, as many as leave the
    mean row within the budget, and only entries that a policy scores +∞ come before sinks and recent ones.
    gates: path of the gates that the authors publish for a model, attn_patterns/…/full_attention_heads.tsv,
    instead of
    measuring.
    Deviations: the paper trains a gate for each head, and its users choose the share of retrieval heads; here both
    follow from the measured scores and the budget. Scores are measured on a text made from templates. Streaming heads
    read the prompt with full attention where when="end"; the authors' stream there, too (when="chunk"). A
    budget of tokens makes fewer heads retrieve as the text grows,
    and one that is a fraction makes it more: with when="chunk" a head that comes late lacks what it had dropped.
    """

    profile: ClassVar[str] = "heads"  # none where gates are given

    sinks: int = 128
    recent: int = 256
    gates: str | None = None

    def __post_init__(self) -> None:
        if self.gates is not None:
            object.__setattr__(self, "profile", "")
        check_range("sinks", self.sinks, 0)
        check_range("recent", self.recent, 1)

    @property
    def least(self) -> int:
        """What every head keeps."""
        return self.sinks + self.recent

    def check(self, plan: Plan) -> None:
        """Refuses budgets of fewer tokens than streaming heads keep."""
        if self.gates is not None:
            published(self.gates)
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
        rows, scores = view.keys.shape[0], self._scores(view)
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
            best = self._scores(view)[view.layer, :rows].argsort(descending=True, stable=True)
            keep[best[:retrieving]] = view.seen
        return keep.to(scores.device)

    def _scores(self, view: View) -> Tensor:
        """How much each head retrieves, fp32 `[layers, heads]`; 0 in layers with a window."""
        if self.gates is None:
            return view.profile(self.profile)
        gates = published(self.gates)
        if gates.shape != (view.layers, view.keys.shape[0]):
            raise PlanError(
                f"gates={self.gates!r} are of {gates.shape[0]} layers with {gates.shape[1]} KV heads, this model has "
                f"{view.layers} with {view.keys.shape[0]}; give the file of this model"
            )
        full = torch.zeros(len(gates), 1)
        full[list(view.full_layers or range(len(gates)))] = 1
        return gates.clamp(SMALLEST_GATE, 1.0) * full


@cache
def published(path: str) -> Tensor:
    """The gates in a file of the authors, full_attention_heads.tsv: a line for each layer, fp32 `[layers, heads]`.

    Raises PlanError for a file that cannot be read or is no table of numbers.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
        return torch.tensor([[float(gate) for gate in line.split()] for line in lines if line.strip()])
    except (OSError, ValueError) as error:
        raise PlanError(
            f"gates={path!r} are no table of numbers, a line for each layer ({error}); give the path of a model's "
            "full_attention_heads.tsv"
        ) from error
