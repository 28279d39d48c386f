"""Where LongRoPE searches."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from random import Random

from longspan.extending.candidate import Candidate
from longspan.extending.drawing import Drawing, rising
from longspan.positions.base import Positions, Rope
from longspan.positions.ntk import NTK
from longspan.positions.pi import PI
from longspan.positions.rescaled import Rescaled
from longspan.positions.yarn import YaRN

FIRST = (0, 1, 2, 4, 8, 12, 16, 20, 24, 28, 32, 64, 128, 256)
"""The values of n̂, the tokens that keep the model's own rotation."""


@dataclass(frozen=True, kw_only=True)
class LongRoPESpace:
    """Factors of all pairs from 1 to 1.25 s, never falling, and n̂. https://arxiv.org/abs/2402.13753, table 4

    rope: the model's rotation. scale: s. step and chance as in the paper. A crossing takes from the other parent only
    what keeps the order, where the paper draws again.
    """

    rope: Rope
    scale: float
    step: float = 0.01
    chance: float = 0.3

    def starts(self, random: Random, count: int) -> list[Candidate]:
        """The factors of PI, NTK and YaRN."""
        schemes = {
            "PI": PI(factor=self.scale),
            "NTK": NTK(factor=self.scale),
            "YaRN": YaRN(factor=self.scale),
        }
        return [Candidate(factors=self._factors(scheme), origin=name) for name, scheme in schemes.items()][
            :count
        ]

    def mutated(self, parent: Candidate, random: Random) -> Candidate:
        """Other factors, and by the same chance another n̂."""
        factors = self._drawing.mutated(parent.factors, random)
        first = random.choice(FIRST) if random.random() < self.chance else parent.first
        return Candidate(factors=tuple(factors), first=first, origin="mutated")

    def crossed(self, parent: Candidate, other: Candidate, random: Random) -> Candidate:
        """Factors of both; n̂ of either."""
        factors = self._drawing.crossed(parent.factors, other.factors, random)
        return Candidate(
            factors=tuple(factors), first=random.choice((parent.first, other.first)), origin="crossed"
        )

    def positions(self, candidate: Candidate) -> Rescaled:
        """With the candidate's factors."""
        return Rescaled(factors=candidate.factors, scale=self.scale, first=candidate.first)

    @cached_property
    def _drawing(self) -> Drawing:
        return Drawing(low=1.0, high=1.25 * self.scale, step=self.step, chance=self.chance)

    def _factors(self, scheme: Positions) -> tuple[float, ...]:
        return rising((self.rope.inv_freq / scheme.rope(self.rope).inv_freq).tolist())
