"""All heads of all layers compete for the model's budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.parameters import check_range
from longspan.policies.allocators.base import ModelAllocator
from longspan.registry import Card

CARD = Card(
    name="model-wide",
    target="longspan.policies.allocators.model_wide:ModelWide",
    paper="KVzip: Query-Agnostic KV Cache Compression with Context Reconstruction",
    link="https://arxiv.org/abs/2505.23416",
    year=2025,
    training=False,
    changes="Lets all heads of all layers compete for the budget of the model.",
)


@dataclass(frozen=True, kw_only=True)
class ModelWide(ModelAllocator):
    """The best entries of the whole model stay, as in KVzip. https://arxiv.org/abs/2505.23416"""

    floor: float = 0.0
    """The share of the uniform budget that each head of each layer keeps in any case; KVzip has none."""

    def __post_init__(self) -> None:
        check_range("floor", self.floor, 0.0, 1.0)

    def shares(self, scores: Sequence[Tensor], budget: int) -> list[Tensor]:
        """How many of the model's top entries lie in each row, after each row's floor."""
        heads = [len(layer) for layer in scores]
        safe = int(budget * self.floor)
        guarded = torch.cat([_guarded(layer, safe).flatten() for layer in scores])
        rows = torch.arange(sum(heads), device=guarded.device)
        row = torch.cat(
            [
                each.repeat_interleave(layer.shape[1])
                for each, layer in zip(rows.split(heads), scores, strict=True)
            ]
        )
        top = guarded.topk(min(budget * sum(heads), len(guarded))).indices
        return list(row[top].bincount(minlength=sum(heads)).split(heads))


def _guarded(scores: Tensor, safe: int) -> Tensor:
    """The scores, +∞ for the best `safe` entries of each row."""
    best = scores.topk(min(safe, scores.shape[1]), dim=1).indices
    return scores.scatter(1, best, torch.inf).masked_fill(scores == -torch.inf, -torch.inf)
