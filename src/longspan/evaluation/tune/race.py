"""Successive halving (https://arxiv.org/abs/1502.07943): many arms on few samples, then the better half on more.

Nothing here knows of models: an arm is a name, and what it does on a batch of samples comes from a callback.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

from longspan.errors import LongspanError
from longspan.evaluation.statistics import difference
from longspan.evaluation.tune.standing import Limits, Standing, Trial, Yardstick

Batch = TypeVar("Batch")

Measure: TypeAlias = Callable[[Sequence[str], Batch], Generator[tuple[str, str, Trial], None, None]]
"""Tries arms on a batch and gives (arm, sample, trial) one by one, in any order; it may be closed before its end."""


class NoPlan(LongspanError):
    """The race ended without a plan that could be chosen: none within the limits, or no time to try one."""


@dataclass(kw_only=True)
class Race(Generic[Batch]):
    """Arms that compete with a reference on the same samples.

    arms: in the order of their prospects, since a race that is short of time tries only the first. reference: what
    they are compared with; it stays to the end, whatever it takes. measure: tries arms on a batch. limits: arms over
    them leave. seconds: how long the race may take, by `clock`. cost: seconds that one arm is expected to take for a
    batch until that is known. finalists: arms below which there is no more halving. samples: after so many the
    race ends. loss: how much lower than the reference the winner may score.
    """

    arms: Sequence[str]
    reference: str
    measure: Measure[Batch]
    clock: Callable[[], float]
    seconds: float
    cost: float
    limits: Limits = field(default_factory=Limits)
    finalists: int = 5
    samples: int = 240
    loss: float = 0.1

    def __post_init__(self) -> None:
        self.standings = {arm: Standing(arm=arm) for arm in dict.fromkeys((self.reference, *self.arms))}

    @property
    def alive(self) -> list[Standing]:
        """The reference and the arms that have not left, in their order."""
        return [standing for standing in self.standings.values() if not standing.dropped]

    @property
    def rivals(self) -> list[Standing]:
        """The arms that have not left, without the reference."""
        return [standing for standing in self.alive if standing.arm != self.reference]

    @property
    def yardstick(self) -> Yardstick:
        """The reference's."""
        return Yardstick(reference=self._reference, loss=self.loss)

    @property
    def front(self) -> list[Standing]:
        """The Pareto front of those that are alive, the leanest first."""
        return sorted(self.yardstick.front(self.alive), key=lambda standing: standing.memory)

    @property
    def winner(self) -> Standing:
        """Of those within the limits the leanest that is shown to lose at most `loss`, which the reference does.

        Where the reference is over a limit and none is shown to, the one with the best score.

        Raises NoPlan if all are over a limit.
        """
        within = [standing for standing in self.alive if not self.limits.refuse(standing)]
        if not within:
            tried = [standing for standing in self.standings.values() if standing.trials]
            raise NoPlan(
                f"no plan stays within the limits: the leanest holds {min(each.memory for each in tried) / 2**20:.1f} "
                f"MiB, the fastest takes {min(each.seconds for each in tried):.2f} s; allow more memory "
                "or time for a question, or lower length=..."
            )
        return self.yardstick.best(within)

    @property
    def _reference(self) -> Standing:
        return self.standings[self.reference]

    def run(self, batches: Iterable[Batch], watch: Callable[[], None] = lambda: None) -> None:
        """Races until the time is over, enough samples are done or there are no more batches.

        watch is called after every trial. Raises NoPlan if no arm could be compared with the reference in time.
        """
        end = self.clock() + self.seconds
        supply = iter(batches)
        _drop(self.rivals[max(1, self._affordable(end)) :], "not tried, for want of time")
        rounds = 1 + max(0, math.ceil(math.log2(max(1, len(self.rivals)) / self.finalists)))
        for left in range(rounds, 0, -1):
            until = self.clock() + (end - self.clock()) / left
            more = self._round(supply, until, end, self.samples / 2 ** (left - 1), watch)
            self._judge()
            if not more or not self.rivals or left == 1:
                return
            keep = min(max(self.finalists, len(self.rivals) // 2), self._affordable(end))
            if keep < 1:
                return
            worse = self.yardstick.ranked(self.rivals)[keep:]
            _drop(worse, f"in the worse half after {len(self._reference.trials)} questions")

    def _round(
        self, supply: Iterator[Batch], until: float, end: float, enough: float, watch: Callable[[], None]
    ) -> bool:
        """Batches until their time or number is reached, at least one; False where the race is over."""
        while True:
            if self._reference.trials and self.clock() + self.cost * len(self.alive) > end:
                return False
            batch = next(supply, None)
            if batch is None:
                return False
            began, running = self.clock(), len(self.alive)
            self._try(batch, end, watch)
            took = self.clock() - began
            self.cost = took / running
            if self.clock() >= end:
                return False
            if self.clock() + took > until or len(self._reference.trials) >= enough:
                return True

    def _try(self, batch: Batch, end: float, watch: Callable[[], None]) -> None:
        """The batch with all arms that are alive; of one that the end of the race stops, what all have done counts.

        The first batch may take a third of the time: the arms that have not been tried by then are out of the race.
        """
        found: dict[str, dict[str, Trial]] = {standing.arm: {} for standing in self.alive}
        first, soon = not self._reference.trials, self.clock() + (end - self.clock()) / 3
        with closing(self.measure(tuple(found), batch)) as trials:
            for arm, sample, trial in trials:
                found[arm][sample] = trial
                watch()
                compared = first and found[self.reference] and any(found[each.arm] for each in self.rivals)
                if self.clock() >= (soon if compared else end):
                    break
        if not self._reference.trials:
            _drop((each for each in self.rivals if not found[each.arm]), "not tried, for want of time")
            if self.clock() >= end and not self.rivals:
                raise NoPlan(
                    "the time was over before two plans could be compared; give the search more time"
                )
        done = set.intersection(*(set(found[standing.arm]) for standing in self.alive))
        for standing in self.alive:
            standing.trials |= {sample: found[standing.arm][sample] for sample in sorted(done)}

    def _affordable(self, end: float) -> int:
        """How many arms can have a batch, beside the reference, in a third of the time that is left."""
        return int((end - self.clock()) / 3 / self.cost) - 1 if self.cost > 0 else len(self.arms)

    def _judge(self) -> None:
        """Arms over a limit leave, and those that are clearly too far below the reference to win.

        Where the reference itself is over a limit, the best arm may win however low it is, so an arm must then also be
        clearly worse than that one.
        """
        for standing in self.rivals:
            standing.dropped = self.limits.refuse(standing)
        if not self.rivals:
            return
        reference = best = self._reference
        if self.limits.refuse(reference):
            best = max(self.rivals, key=lambda standing: standing.score)
        for standing in self.rivals:
            found = self.yardstick.difference(standing)
            worse = found.sign < 0 and found.high < -self.loss
            if worse and (best is reference or self._behind(standing, best)):
                standing.dropped = (
                    f"{-found.mean:.2f} below the full cache on the same {found.count} questions"
                )

    def _behind(self, standing: Standing, best: Standing) -> bool:
        return difference(standing.scores, best.scores, self._reference.contexts).sign < 0


def _drop(standings: Iterable[Standing], reason: str) -> None:
    for standing in standings:
        standing.dropped = reason
