"""LongRoPE: every pair of channels is slowed down by a factor that was searched for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from longspan.positions.rescaled import Rescaled
from longspan.positions.searched import Searched


@dataclass(frozen=True, kw_only=True)
class LongRoPE(Searched):
    """θ_j / λ_j with searched λ_j, and the first n̂ tokens as they were. https://arxiv.org/abs/2402.13753

    Rotated channels are multiplied by √(1 + ln s / ln L), as in the authors' code. Factors never fall from one pair to
    the next slower one. `longspan extend` searches for them. The paper searches for further factors for short texts;
    here texts within the trained window keep the model's own rotation.
    """

    method: ClassVar[str] = "longrope"

    first: int | None = None
    """n̂, tokens at the beginning that keep the model's own rotation, by default 0; for a list only, a file has its
    own.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.factors, str):
            self._leave_out("first", self.first)

    def _of_list(self, factors: tuple[float, ...], scale: float) -> Rescaled:
        return Rescaled(factors=factors, scale=scale, first=self.first or 0)
