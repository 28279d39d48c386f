"""The model's own positions."""

from __future__ import annotations

from dataclasses import dataclass

from longspan.positions.base import Positions


@dataclass(frozen=True, kw_only=True)
class Stock(Positions):
    """The positions and frequencies the model was trained with: RoPE, https://arxiv.org/abs/2104.09864."""
