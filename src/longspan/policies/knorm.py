"""Knorm: entries whose keys are short."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.policies.base import Policy
from longspan.policies.view import View


@dataclass(frozen=True, kw_only=True)
class Knorm(Policy):
    """The shorter the key, the more attention it usually gets. https://arxiv.org/abs/2406.11430

    The authors leave the first layers, where this hardly holds, uncompressed; as in kvpress none is spared here.
    """

    def scores(self, view: View) -> Tensor:
        """−‖key‖₂, in fp32: in half precision most norms would tie."""
        norms: Tensor = torch.linalg.vector_norm(view.keys.float(), dim=-1)
        return -norms
