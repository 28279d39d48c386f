"""Each query head for itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from longspan.registry import Card
from longspan.selectors.base import Visit
from longspan.selectors.scorings.base import Scoring

CARD = Card(
    name="heads",
    target="longspan.selectors.scorings.heads:Heads",
    paper="Quest: Query-Aware Sparsity for Efficient Long-Context LLM Inference",
    link="https://arxiv.org/abs/2406.10774",
    year=2024,
    training=False,
    changes="Each query head chooses for itself.",
)


@dataclass(frozen=True, kw_only=True)
class Heads(Scoring):
    """Each query head chooses what matches it best, as in Quest, https://arxiv.org/abs/2406.10774."""

    alone: ClassVar[bool] = True

    def scores(self, match: Tensor, sizes: int | Tensor, visit: Visit) -> Tensor:
        """The matches as they are."""
        return match
