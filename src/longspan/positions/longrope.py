"""LongRoPE: every pair of channels is slowed down by a factor that was searched for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from longspan.positions.rescaled import Rescaled
from longspan.positions.searched import Searched
from longspan.registry import Card

CARD = Card(
    name="longrope",
    target="longspan.positions.longrope:LongRoPE",
    paper="LongRoPE: Extending LLM Context Window Beyond 2 Million Tokens",
    link="https://arxiv.org/abs/2402.13753",
    year=2024,
    training=False,
    changes="Slows each pair of channels by a searched factor, and leaves the first tokens as they were.",
    field=(185,),
    missing="Searched factors for short texts, which keep the model's rotation here; fine-tuning in steps.",
    trained=True,
)


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
