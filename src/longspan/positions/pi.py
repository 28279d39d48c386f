"""Position Interpolation: all positions are pressed into the trained window."""

from __future__ import annotations

from dataclasses import dataclass

from longspan.positions.base import Rope
from longspan.positions.stretch import Stretch


@dataclass(frozen=True, kw_only=True)
class PI(Stretch):
    """θ_j / s for every channel pair. https://arxiv.org/abs/2306.15595

    Helps fully only after tuning at that factor.
    """

    def rope(self, rope: Rope) -> Rope:
        """All frequencies divided by the factor."""
        return rope.with_(inv_freq=rope.inv_freq / self.scale)
