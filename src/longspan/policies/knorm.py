"""Knorm: entries whose keys are short."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.policies.base import Policy
from longspan.policies.view import View
from longspan.registry import Card

CARD = Card(
    name="knorm",
    target="longspan.policies.knorm:Knorm",
    paper="A Simple and Effective L2 Norm-Based Strategy for KV Cache Compression",
    link="https://arxiv.org/abs/2406.11430",
    year=2024,
    training=False,
    changes="Keeps the entries with the shortest keys.",
)


@dataclass(frozen=True, kw_only=True)
class Knorm(Policy):
    """The shorter the key, the more attention it usually gets. https://arxiv.org/abs/2406.11430

    The authors leave the first layers, where this hardly holds, uncompressed; as in kvpress none is spared here.
    """

    def scores(self, view: View) -> Tensor:
        """−‖key‖₂, in fp32: in half precision most norms would tie."""
        norms: Tensor = torch.linalg.vector_norm(view.keys.float(), dim=-1)
        return -norms
