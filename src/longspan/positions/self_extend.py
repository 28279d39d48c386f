"""Self-Extend: near keys at their true distance, far keys at a distance counted in groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from longspan.parameters import check_range
from longspan.positions.base import Piece, Positions, Rope, log_scaled, unchanged
from longspan.registry import Card

CARD = Card(
    name="self-extend",
    target="longspan.positions.self_extend:SelfExtend",
    paper="LLM Maybe LongLM: Self-Extend LLM Context Window Without Tuning",
    link="https://arxiv.org/abs/2401.01325",
    year=2024,
    training=False,
    changes="Shows near keys at their true distance and far keys at a distance counted in groups.",
    field=(141,),
)


@dataclass(frozen=True, kw_only=True)
class SelfExtend(Positions):
    """Two pieces, no training. https://arxiv.org/abs/2401.01325

    At distances below W: normal. Beyond: the query stands at ⌊i/G⌋ + W − ⌊W/G⌋, the key at ⌊j/G⌋. The two pieces
    rotate keys differently, so keys are stored raw and rotated when they are read.
    """

    piece_count: ClassVar[int] = 2

    group: int = 8
    """G, how many neighbouring tokens share a position beyond W."""
    neighbour: int = 1024
    """W, the distance up to which positions are the true ones."""
    scale_base: int | None = None
    """c, with which the scores of query i are multiplied by max(1, ln(i + 1) / ln c). The authors' code has it,
    turned off as here, and their passkey results were made with the trained window for c; the paper has no such
    factor.
    """

    def __post_init__(self) -> None:
        check_range("group", self.group, 1)
        check_range("neighbour", self.neighbour, 1)
        if self.scale_base is not None:
            check_range("scale_base", self.scale_base, 2)

    def pieces(self, queries: Tensor, rope: Rope) -> list[Piece]:
        """The neighbours, then the groups."""
        near = (queries - self.neighbour + 1).clamp(min=0)
        shifted = queries // self.group + self.neighbour - self.neighbour // self.group
        return [
            Piece(queries, unchanged, near, queries + 1),
            Piece(shifted, self._grouped, torch.zeros_like(queries), near),
        ]

    def key_map(self, rope: Rope) -> None:
        """None: the pieces rotate keys by j and by ⌊j/G⌋."""
        return

    def query_scale(self, queries: Tensor, layer: int, rope: Rope) -> Tensor | None:
        """max(1, ln(i + 1) / ln c)."""
        return None if self.scale_base is None else log_scaled(queries, self.scale_base)

    def window(self, trained: int) -> int:
        """(L − W + ⌊W/G⌋) · G, where the farthest group distance reaches the trained window; W must be smaller."""
        if self.neighbour >= trained:
            raise ValueError(
                f"neighbour={self.neighbour} is outside 1 .. {trained - 1}, the trained window minus one"
            )
        return (trained - self.neighbour + self.neighbour // self.group) * self.group

    def _grouped(self, positions: Tensor) -> Tensor:
        return positions // self.group
