"""Position Interpolation: all positions are pressed into the trained window."""

from __future__ import annotations

from dataclasses import dataclass

from longspan.parameters import check_range
from longspan.positions.base import Positions, Rope


@dataclass(frozen=True, kw_only=True)
class PI(Positions):
    """θ_j / s for every channel pair. https://arxiv.org/abs/2306.15595

    factor: s, the target length over the trained window. Helps fully only after tuning at that factor.
    """

    factor: float

    def __post_init__(self) -> None:
        check_range("factor", self.factor, 1.0)

    def rope(self, rope: Rope) -> Rope:
        """All frequencies divided by the factor."""
        return rope.with_(inv_freq=rope.inv_freq / self.factor)

    def window(self, trained: int) -> int:
        """The trained window times the factor."""
        return int(trained * self.factor)
