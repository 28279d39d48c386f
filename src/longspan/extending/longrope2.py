"""Where LongRoPE2 searches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from random import Random

from longspan.extending.candidate import Candidate
from longspan.extending.drawing import Drawing, rising
from longspan.positions.base import Rope
from longspan.positions.rescaled import Rescaled

PERIODS = 10
"""How often the fastest pair that may be critical turns within the trained window."""


@dataclass(frozen=True, kw_only=True)
class LongRoPE2Space:
    """The critical pair, factors from s to 2 s from it on, and NTK below it. https://arxiv.org/abs/2502.20082

    The critical pair lies between the one that turns ten times within the trained window and the one that turns once,
    which is what theory says. As in the paper, each start has one factor for all pairs from its critical one on, and
    which pair is the best shows in the selection: children keep the critical pair of their parent. The paper draws
    whole numbers for the starts, here the same steps as later; it leaves crossing open, which here takes factors from
    the later one of the two critical pairs on, where that keeps the order.

    rope: the model's rotation. scale: s. step and chance as in LongRoPE.
    """

    rope: Rope
    scale: float
    step: float = 0.01
    chance: float = 0.3

    def starts(self, random: Random, count: int) -> list[Candidate]:
        """One for each critical pair, or, if they are too many, for some that are evenly spread."""
        criticals = range(self.first_critical, self.theoretical + 1)
        chosen = sorted({criticals[place * len(criticals) // count] for place in range(count)})
        starts = []
        for critical in chosen:
            factor = self._drawing.between(self._drawing.low, self._drawing.high, random)
            slow = [factor] * (self._pairs - critical)
            starts.append(self._candidate(critical, slow, "start"))
        return starts

    def mutated(self, parent: Candidate, random: Random) -> Candidate:
        """Other factors from the critical pair on, and what follows from them for those below."""
        critical = parent.critical or 0
        slow = self._drawing.mutated(parent.factors[critical:], random)
        return self._candidate(critical, slow, "mutated")

    def crossed(self, parent: Candidate, other: Candidate, random: Random) -> Candidate:
        """Factors of both from the later critical pair on."""
        critical = parent.critical or 0
        common = max(critical, other.critical or 0)
        slow = list(parent.factors[critical:common])
        low = slow[-1] if slow else self._drawing.low
        drawing = Drawing(low=low, high=self._drawing.high, step=self.step, chance=self.chance)
        slow += drawing.crossed(parent.factors[common:], other.factors[common:], random)
        return self._candidate(critical, slow, "crossed")

    def positions(self, candidate: Candidate) -> Rescaled:
        """With the candidate's factors."""
        return Rescaled(factors=candidate.factors, scale=self.scale)

    @cached_property
    def theoretical(self) -> int:
        """The first pair that does not turn once within the trained window: ⌈(d/2) · log_b(L / 2π)⌉."""
        return self._turning(1)

    @cached_property
    def first_critical(self) -> int:
        """The first pair that does not turn ten times within the trained window."""
        return self._turning(PERIODS)

    def _turning(self, times: int) -> int:
        periods = 2 * math.pi / self.rope.inv_freq
        faster = int((periods < self.rope.window / times).sum())
        return min(max(faster, 1), self._pairs - 1)

    @property
    def _pairs(self) -> int:
        return len(self.rope.inv_freq)

    @cached_property
    def _drawing(self) -> Drawing:
        return Drawing(low=self.scale, high=2 * self.scale, step=self.step, chance=self.chance)

    def _candidate(self, critical: int, slow: Sequence[float], origin: str) -> Candidate:
        """λ_i = λ_c^(i/c) below the critical pair c: NTK with the base that gives c its factor."""
        fast = rising([slow[0] ** (pair / critical) for pair in range(critical)])
        return Candidate(factors=tuple(accumulate((*fast, *slow), max)), critical=critical, origin=origin)
