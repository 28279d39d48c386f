"""Rounds of a dialogue."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.policies.units.stretch import Stretch
from longspan.policies.view import View
from longspan.registry import Card

CARD = Card(
    name="round",
    target="longspan.policies.units.round:Round",
    paper="Round Attention: A Novel Round-Level Attention Mechanism to Accelerate LLM Inference",
    link="https://arxiv.org/abs/2502.15294",
    year=2025,
    training=False,
    changes="Rounds of a dialogue stay or go as a whole.",
)


@dataclass(frozen=True, kw_only=True)
class Round(Stretch):
    """Tokens of a question and its answer stay or go together, after Round Attention. https://arxiv.org/abs/2502.15294

    A text that is no dialogue is a single round: then its most recent entries stay. The paper's choice of rounds for
    each query is a selector's task; here rounds are dropped for good.
    """

    def number(self, positions: Tensor, view: View) -> Tensor:
        """The last round that has begun."""
        begins = torch.tensor(view.scene.rounds, device=positions.device)
        return torch.bucketize(positions.contiguous(), begins, right=True) - 1
