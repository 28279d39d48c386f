"""Positions with a factor for each pair of channels, whoever found them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.errors import PlanError
from longspan.parameters import check_range
from longspan.positions.base import KeyMap, Piece, Positions, Rope, unchanged
from longspan.positions.rescaling import check_factors


@dataclass(frozen=True, kw_only=True)
class Rescaled(Positions):
    """θ_j / λ_j for each pair j, and rotated channels times √(1 + ln s / ln L).

    factors: λ of each pair, fastest first. scale: s, the target length over the trained window L. first: n̂, tokens at
    the beginning that keep the model's own rotation.
    """

    factors: tuple[float, ...]
    scale: float
    first: int = 0

    def __post_init__(self) -> None:
        check_factors(self.factors)
        check_range("scale", self.scale, 1.0)
        check_range("first", self.first, 0)

    def rope(self, rope: Rope) -> Rope:
        """Frequencies divided by the factors, and the larger magnitude."""
        if rope.channels == 0:
            return rope
        sharper = math.sqrt(1 + math.log(self.scale) / math.log(rope.window))
        return rope.with_(inv_freq=rope.inv_freq / self._of_pairs(rope), magnitude=rope.magnitude * sharper)

    def pieces(self, queries: Tensor, rope: Rope) -> list[Piece]:
        """One piece, in which the first positions are λ times as far for each pair, which undoes its factor."""
        placed = self.key_map(rope)
        return [Piece(placed(queries), placed, torch.zeros_like(queries), queries + 1)]

    def key_map(self, rope: Rope) -> KeyMap:
        """j, and λ · j for j < n̂."""
        if not self.first or rope.channels == 0:
            return unchanged
        factors = self._of_pairs(rope)

        def placed(positions: Tensor) -> Tensor:
            each = positions[..., None].float()
            return torch.where(each < self.first, each * factors, each)

        return placed

    def window(self, trained: int) -> int:
        """The target length."""
        return round(trained * self.scale)

    def _of_pairs(self, rope: Rope) -> Tensor:
        """The factors as fp32 `[r/2]`. Raises PlanError for factors of another model."""
        if len(self.factors) != len(rope.inv_freq):
            raise PlanError(
                f"{len(self.factors)} rescale factors are given, and the model rotates {len(rope.inv_freq)} pairs of "
                "channels; make factors for this model with longspan extend"
            )
        return torch.tensor(self.factors, dtype=torch.float32, device=rope.inv_freq.device)
