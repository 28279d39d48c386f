"""ReRoPE: true distances up to a width, and one distance for everything beyond."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from longspan.parameters import Budget, check_budget, tokens
from longspan.positions.base import Piece, Positions, Rope, unchanged


@dataclass(frozen=True, kw_only=True)
class ReRoPE(Positions):
    """Two pieces, no training: the distance min(i − j, w). https://github.com/bojone/rerope

    Described in https://kexue.fm/archives/9708. At distances below w: normal. Beyond: the query stands at w and every
    key at 0. With `sharpen`, the scores of query i are multiplied by max(1, ln(i + 1) / ln L), which gathers attention
    that would spread over more keys than the model was trained with. The two pieces rotate keys differently, so keys
    are stored raw and rotated when they are read.

    near: w, as tokens or as a share of the trained window L. The author's published losses are for 1024 of L = 4096,
    a quarter, which is the default; the code is preset to 512.
    sharpen: whether scores grow with the query's position.
    """

    piece_count: ClassVar[int] = 2

    near: Budget = 0.25
    sharpen: bool = True

    def __post_init__(self) -> None:
        check_budget("near", self.near)

    def pieces(self, queries: Tensor, rope: Rope) -> list[Piece]:
        """The near keys, then all others at w."""
        width = tokens(self.near, rope.window)
        near = (queries - width + 1).clamp(min=0)
        return [
            Piece(queries, unchanged, near, queries + 1),
            Piece(torch.full_like(queries, width), torch.zeros_like, torch.zeros_like(queries), near),
        ]

    def key_map(self, rope: Rope) -> None:
        """None: the pieces rotate keys by j and by 0."""
        return

    def temper(self, queries: Tensor, layer: int, rope: Rope) -> Tensor | None:
        """max(1, ln(i + 1) / ln L)."""
        if not self.sharpen:
            return None
        return ((queries + 1).double().log() / math.log(rope.window)).clamp(min=1).float()

    def window(self, trained: int) -> None:
        """None: distances never exceed w."""
        return
