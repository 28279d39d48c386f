"""How the arms of a race stand: their trials so far, what they may take, and which beat which."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from longspan.evaluation.statistics import Difference, Estimate, difference, mean


@dataclass(frozen=True, kw_only=True)
class Trial:
    """An arm on one sample: its score from 0 to 1, the bytes that it held, and the seconds that it took.

    context: the same for samples whose scores are not independent.
    """

    score: float
    memory: float
    seconds: float
    context: str


@dataclass(kw_only=True)
class Standing:
    """What is known of an arm: its trials by sample, and why it left the race, "" while it has not."""

    arm: str
    trials: dict[str, Trial] = field(default_factory=dict)
    dropped: str = ""

    @property
    def scores(self) -> dict[str, float]:
        """By sample."""
        return {sample: trial.score for sample, trial in self.trials.items()}

    @property
    def contexts(self) -> dict[str, str]:
        """By sample."""
        return {sample: trial.context for sample, trial in self.trials.items()}

    @property
    def estimate(self) -> Estimate:
        """The mean score with its interval. Raises ValueError before the first trial."""
        return mean(tuple(self.scores.values()), tuple(self.contexts.values()))

    @property
    def score(self) -> float:
        """The mean score, nan before the first trial."""
        return _mean([trial.score for trial in self.trials.values()])

    @property
    def memory(self) -> float:
        """Mean bytes, nan before the first trial."""
        return _mean([trial.memory for trial in self.trials.values()])

    @property
    def seconds(self) -> float:
        """Mean seconds per sample, nan before the first trial."""
        return _mean([trial.seconds for trial in self.trials.values()])


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What an arm may take on the mean: memory in bytes, seconds per sample."""

    memory: float = math.inf
    seconds: float = math.inf

    def __post_init__(self) -> None:
        for name in ("memory", "seconds"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}={getattr(self, name)!r} is outside the numbers above 0")

    def refuse(self, standing: Standing) -> str:
        """Why an arm is over a limit, "" if it is not."""
        if standing.memory > self.memory:
            return f"holds {standing.memory / 2**20:.1f} MiB, more than {self.memory / 2**20:.1f}"
        if standing.seconds > self.seconds:
            return f"takes {standing.seconds:.2f} s, more than {self.seconds:g}"
        return ""


@dataclass(frozen=True, kw_only=True)
class Yardstick:
    """What standings are measured by: the reference, and how much lower than it an arm may score, from 0 to 1."""

    reference: Standing
    loss: float

    def difference(self, standing: Standing) -> Difference:
        """How much higher an arm scores than the reference on the samples of both."""
        return difference(standing.scores, self.reference.scores, self.reference.contexts)

    def holds(self, standing: Standing) -> bool:
        """Whether an arm is shown to lose no more than `loss`: even at the low end of what chance leaves open.

        So the fewer samples there are, the less is shown.
        """
        return standing is self.reference or self.difference(standing).low >= -self.loss

    def share(self, standing: Standing) -> float:
        """An arm's memory in whole hundredths of the reference's, so that nearly equal ones are equal."""
        return round(standing.memory / self.reference.memory, 2)

    def beats(self, one: Standing, other: Standing) -> bool:
        """Whether `one` is better in score or memory, and worse in neither."""
        mine, its = (one.score, -self.share(one)), (other.score, -self.share(other))
        return mine != its and mine[0] >= its[0] and mine[1] >= its[1]

    def front(self, standings: Sequence[Standing]) -> list[Standing]:
        """Those that none beats: the Pareto front of score and memory."""
        return [each for each in standings if not any(self.beats(other, each) for other in standings)]

    def ranked(self, standings: Sequence[Standing]) -> list[Standing]:
        """Front by front: at each size of memory the best come first, whatever richer plans score.

        Within a front those that hold come first, the leanest ahead, then the others by score.
        """
        ranked: list[Standing] = []
        left = list(standings)
        while left:
            front = self.front(left)
            ranked += sorted(front, key=self._place)
            left = [each for each in left if each not in front]
        return ranked

    def best(self, standings: Sequence[Standing]) -> Standing:
        """The leanest that holds, where none does the one with the best score."""
        return min(standings, key=self._place)

    def _place(self, standing: Standing) -> tuple[bool, float, float]:
        if self.holds(standing):
            return False, self.share(standing), -standing.score
        return True, -standing.score, self.share(standing)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan
