"""Every head keeps equally many entries."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.policies.allocators.base import Allocator
from longspan.policies.view import View
from longspan.registry import Card

CARD = Card(
    name="uniform",
    target="longspan.policies.allocators.uniform:Uniform",
    paper="SnapKV: LLM Knows What You are Looking for Before Generation",
    link="https://arxiv.org/abs/2404.14469",
    year=2024,
    training=False,
    changes="Gives every head of every layer the same number of entries.",
)


@dataclass(frozen=True, kw_only=True)
class Uniform(Allocator):
    """The budget itself for each row, as in SnapKV, https://arxiv.org/abs/2404.14469."""

    def counts(self, scores: Tensor, budget: int, view: View) -> Tensor:
        """`budget` for each row."""
        return torch.full((len(scores),), budget, device=scores.device)
