"""New factors that never fall from one pair of channels to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random

_DIGITS = 6


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """How factors are changed. low, high: their bounds. step: between values. chance: that a pair changes."""

    low: float
    high: float
    step: float = 0.01
    chance: float = 0.3

    def mutated(self, factors: Sequence[float], random: Random) -> list[float]:
        """Some factors replaced, pair by pair, by values between those of the pairs beside them."""
        changed = list(factors)
        for pair in range(len(changed)):
            if random.random() < self.chance:
                below = changed[pair - 1] if pair else self.low
                above = changed[pair + 1] if pair + 1 < len(changed) else self.high
                changed[pair] = self.between(below, above, random)
        return changed

    def crossed(self, factors: Sequence[float], others: Sequence[float], random: Random) -> list[float]:
        """Some factors replaced by those of another, where that keeps the order."""
        changed = list(factors)
        for pair, other in enumerate(others):
            below = changed[pair - 1] if pair else self.low
            above = changed[pair + 1] if pair + 1 < len(changed) else self.high
            if random.random() < self.chance and below <= other <= above:
                changed[pair] = other
        return changed

    def between(self, below: float, above: float, random: Random) -> float:
        """A value from below to above, whole steps from below."""
        steps = int((above - below) / self.step + 1e-9)
        drawn = round(below + random.randint(0, max(steps, 0)) * self.step, _DIGITS)
        return max(below, min(drawn, above))


def rising(factors: Sequence[float]) -> tuple[float, ...]:
    """Rounded, 1 or more, and none below the one before: what a formula gives is that but for its rounding."""
    return tuple(accumulate((round(max(1.0, each), _DIGITS) for each in factors), max))
