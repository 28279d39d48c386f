"""DuoAttention: retrieval heads keep everything, streaming heads little."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from longspan.policies.allocators.base import Allocator
from longspan.policies.allocators.retrieval_heads import RetrievalHeads
from longspan.policies.base import Policy
from longspan.policies.view import View
from longspan.registry import Card

CARD = Card(
    name="duoattention",
    target="longspan.policies.duoattention:DuoAttention",
    paper="DuoAttention: Efficient Long-Context LLM Inference with Retrieval and Streaming Heads",
    link="https://arxiv.org/abs/2410.10819",
    year=2024,
    training=False,
    changes="Lets heads that retrieve keep everything, and all others the first and the most recent entries.",
    trained=True,
    missing="Gates are not trained here, but read from the authors' file of a model, or measured.",
)


@dataclass(frozen=True, kw_only=True)
class DuoAttention(Policy):
    """Some heads keep all entries, the others the first and the most recent. https://arxiv.org/abs/2410.10819

    All of it lies in the allocator, which measures instead of training; sinks and recent entries are its parameters.
    Deviations are stated there. With another allocator, what stays is the most recent.
    """

    allocator: Allocator = field(default_factory=RetrievalHeads, metadata={"room": "allocator"})

    @property
    def min_entries(self) -> int:
        """What streaming heads keep."""
        return self.allocator.min_entries if isinstance(self.allocator, RetrievalHeads) else 1

    def scores(self, view: View) -> Tensor:
        """The later, the more important."""
        return view.positions.float()
