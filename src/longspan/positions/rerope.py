"""ReRoPE: true distances up to a width, and one distance, or slowly growing ones, for everything beyond."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from longspan.parameters import Budget, check_budget, check_range, tokens
from longspan.positions.base import Piece, Positions, Rope, log_scaled, unchanged
from longspan.registry import Card

CARD = Card(
    name="rerope",
    target="longspan.positions.rerope:ReRoPE",
    paper="Rectified Rotary Position Embeddings",
    link="https://github.com/bojone/rerope",
    year=2023,
    training=False,
    changes="Clips distances at a width, and multiplies the scores of late queries by ln(i + 1) / ln L.",
)


@dataclass(frozen=True, kw_only=True)
class ReRoPE(Positions):
    """Two pieces, no training: the distance min(i − j, w). https://github.com/bojone/rerope

    Described in https://kexue.fm/archives/9708. At distances below w: normal. Beyond: the query stands at w and every
    key at 0. With `sharpen`, the scores of query i are multiplied by max(1, ln(i + 1) / ln L), which gathers
    attention that would spread over more keys than the model was trained with. With `slowdown` k it is the
    repository's second method, Leaky ReRoPE: beyond w the distance is w + (i − j − w) / k. The two pieces rotate keys
    differently, so keys are stored raw and rotated when they are read.
    """

    piece_count: ClassVar[int] = 2

    near: Budget = 0.25
    """w, up to which distances are the true ones, as tokens or as a share of the trained window L. The author's
    published losses are for 1024 of L = 4096, a quarter, which is the default; the code is preset to 512.
    """
    sharpen: bool = True
    """Whether scores grow with the query's position."""
    slowdown: float | None = None
    """k, by which distances beyond w grow more slowly; None for the constant distance w."""

    def __post_init__(self) -> None:
        check_budget("near", self.near)
        if self.slowdown is not None:
            check_range("slowdown", self.slowdown, 1.0)

    def pieces(self, queries: Tensor, rope: Rope) -> list[Piece]:
        """The near keys, then all others at w or slowly beyond."""
        width = tokens(self.near, rope.window)
        near = (queries - width + 1).clamp(min=0)
        if self.slowdown is None:
            far = Piece(torch.full_like(queries, width), torch.zeros_like, torch.zeros_like(queries), near)
        else:
            slowed = width + (queries - width) / self.slowdown
            far = Piece(slowed, self._slowed, torch.zeros_like(queries), near)
        return [Piece(queries, unchanged, near, queries + 1), far]

    def key_map(self, rope: Rope) -> None:
        """None: the pieces rotate keys by j, and by 0 or j / k."""
        return

    def query_scale(self, queries: Tensor, layer: int, rope: Rope) -> Tensor | None:
        """max(1, ln(i + 1) / ln L)."""
        return log_scaled(queries, rope.window) if self.sharpen else None

    def window(self, trained: int) -> int | None:
        """w + (L − w) · k, where the farthest distance reaches the trained window; None where none exceeds w."""
        if self.slowdown is None:
            return None
        width = tokens(self.near, trained)
        return width + int((trained - width) * self.slowdown)

    def _slowed(self, positions: Tensor) -> Tensor:
        return positions / (self.slowdown or 1.0)
