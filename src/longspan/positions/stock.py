"""The model's own positions."""

from __future__ import annotations

from dataclasses import dataclass

from longspan.positions.base import Positions
from longspan.registry import Card

CARD = Card(
    name="stock",
    target="longspan.positions.stock:Stock",
    paper="RoFormer: Enhanced Transformer with Rotary Position Embedding",
    link="https://arxiv.org/abs/2104.09864",
    year=2021,
    training=False,
    changes="Leaves the model's own positions and frequencies as they are.",
)


@dataclass(frozen=True, kw_only=True)
class Stock(Positions):
    """The positions and frequencies the model was trained with: RoPE, https://arxiv.org/abs/2104.09864."""
