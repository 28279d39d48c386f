"""Retrieval heads keep everything, streaming heads the first and the most recent entries."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from longspan.errors import PlanError
from longspan.parameters import check_range, numbers_by_layer
from longspan.policies.allocators.base import Allocator
from longspan.policies.view import View
from longspan.registry import Card
from longspan.slots import Slots

SMALLEST_GATE = 1e-6
"""What a head counts whose gate is closed; 0 stands for heads that policies leave alone."""

_EXAMPLE = "a model's full_attention_heads.tsv"


CARD = Card(
    name="retrieval-heads",
    target="longspan.policies.allocators.retrieval_heads:RetrievalHeads",
    paper="DuoAttention: Efficient Long-Context LLM Inference with Retrieval and Streaming Heads",
    link="https://arxiv.org/abs/2410.10819",
    year=2024,
    training=False,
    changes="Lets heads that retrieve keep everything, and all others the first and the most recent entries.",
    trained=True,
    missing="Gates are not trained here, but read from the authors' file of a model, or measured.",
)


@dataclass(frozen=True, kw_only=True)
class RetrievalHeads(Allocator):
    """As many heads as the budget allows keep everything, as in DuoAttention. https://arxiv.org/abs/2410.10819

    Which heads retrieve is measured once of the model (profile "heads"), or read from a file; the best of all layers
    are chosen, as many as leave the mean row within the budget, and only entries that a policy scores +∞ come before
    sinks and recent ones.
    As in the authors' code, a prompt that is read as one is read with full attention (when="end"), and one read in
    chunks with what streaming heads have kept and the chunk itself (when="chunk").
    Deviations: the paper trains a gate for each head, and without `gates` these are scores measured on a text made from
    templates. Without `sparsity`, a budget of tokens makes fewer heads retrieve as the text grows, and one that is a
    fraction makes it more: with when="chunk" a head that comes late lacks what it had dropped.
    """

    profile: ClassVar[str] = "heads"  # none where gates are given

    sinks: int = 128
    """First entries that a streaming head keeps, one that does not retrieve."""
    recent: int = 256
    """Last entries that a streaming head keeps."""
    gates: str | None = None
    """Path of the gates that the authors publish for a model, attn_patterns/…/full_attention_heads.tsv, instead of
    measuring.
    """
    sparsity: float | None = None
    """The share of all heads that stream, whatever the length, as the authors' users give it, such as 0.5, instead
    of the budget.
    """

    def __post_init__(self) -> None:
        if self.sparsity is not None:
            check_range("sparsity", self.sparsity, 0.0, 1.0)
        if self.gates is not None:
            object.__setattr__(self, "profile", "")
            numbers_by_layer("gates", self.gates, _EXAMPLE)
        check_range("sinks", self.sinks, 0)
        check_range("recent", self.recent, 1)

    @property
    def min_entries(self) -> int:
        """What every head keeps."""
        return self.sinks + self.recent

    def check(self, plan: Slots) -> None:
        """Refuses budgets of fewer tokens than streaming heads keep."""
        budget = plan.policy.budget if plan.policy is not None else 1.0
        if self.sparsity is not None:
            if plan.policy is not None and budget != getattr(type(plan.policy), "budget", None):
                raise PlanError(
                    f"retrieval-heads: budget={budget} has no effect beside sparsity={self.sparsity}; leave out one"
                )
        elif isinstance(budget, int) and budget < self.min_entries:
            raise PlanError(
                f"retrieval-heads: budget={budget} is outside {self.min_entries} .. ∞ tokens, which streaming heads "
                "keep; raise budget or lower sinks or recent"
            )

    def layer_budget(self, budget: int, view: View) -> int:
        """The mean row of the layer, rounded down; a budget below what streaming heads keep is raised to it."""
        if budget >= view.scene.read and self.sparsity is None:
            return budget
        rows, scores = view.keys.shape[0], self._scores(view)
        everything, little = view.scene.read, min(self.min_entries, view.scene.read)
        heads = int((scores > 0).sum())
        retrieving = max(0, heads * (budget - little)) // max(1, everything - little)
        if self.sparsity is not None:
            retrieving = 0 if self.sparsity == 1 else heads - math.ceil(round(self.sparsity * (heads - 1), 6))
        best = scores.flatten().argsort(descending=True, stable=True)[:retrieving]
        here = int((best // scores.shape[1] == view.scene.layer).sum())
        return (here * everything + (rows - here) * little) // rows

    def reshape(self, scores: Tensor, budget: int, view: View) -> Tensor:
        """The later an entry, the more important, and sinks before all others that need not stay."""
        order = view.positions + view.scene.seen * (view.positions < self.sinks)
        return scores.where(scores.isinf(), order.to(scores.dtype))

    def counts(self, scores: Tensor, budget: int, view: View) -> Tensor:
        """Everything for the layer's best heads, of which the budget says how many there are."""
        rows, little = len(scores), min(self.min_entries, view.scene.read)
        keep = torch.full((rows,), little)
        if budget >= view.scene.read:
            keep[:] = view.scene.read
        elif view.scene.read > little:
            retrieving = math.ceil(max(0, budget - little) * rows / (view.scene.read - little))
            best = self._scores(view)[view.scene.layer, :rows].argsort(descending=True, stable=True)
            keep[best[:retrieving]] = view.scene.read
        return keep.to(scores.device)

    def _scores(self, view: View) -> Tensor:
        """How much each head retrieves, fp32 `[layers, heads]`; 0 in layers with a window."""
        if self.gates is None:
            return view.scene.profile(self.profile)
        gates = torch.tensor(numbers_by_layer("gates", self.gates, _EXAMPLE))
        if gates.shape != (view.scene.layers, view.keys.shape[0]):
            raise PlanError(
                f"gates={self.gates!r} are of {gates.shape[0]} layers with {gates.shape[1]} KV heads, this model has "
                f"{view.scene.layers} with {view.keys.shape[0]}; give the file of this model"
            )
        full = torch.zeros(len(gates), 1)
        full[list(view.scene.full_layers or range(len(gates)))] = 1
        return gates.clamp(SMALLEST_GATE, 1.0) * full
