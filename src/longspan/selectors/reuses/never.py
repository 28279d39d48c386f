"""Every query chooses anew."""

from __future__ import annotations

from dataclasses import dataclass

from longspan.registry import Card
from longspan.selectors.reuses.base import Recall, Reuse

CARD = Card(
    name="never",
    target="longspan.selectors.reuses.never:Never",
    paper="Quest: Query-Aware Sparsity for Efficient Long-Context LLM Inference",
    link="https://arxiv.org/abs/2406.10774",
    year=2024,
    training=False,
    changes="Every query chooses anew.",
)


@dataclass(frozen=True, kw_only=True)
class Never(Reuse):
    """Every query chooses anew, as in Quest, https://arxiv.org/abs/2406.10774."""

    def recall(self) -> Recall | None:
        """Nothing."""
        return None
