"""What a search for the best plan found."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from longspan.evaluation.record import Record
from longspan.evaluation.tune.race import Race
from longspan.evaluation.tune.standing import Standing, Yardstick
from longspan.plan import Plan


@dataclass(frozen=True, kw_only=True)
class Finding:
    """How a plan did on `questions` questions; score with its 95 % interval, bytes and seconds on the mean.

    difference, with its interval: how much higher than the full cache it scored on the same questions. All are nan for
    a plan that was not tried. front: whether no plan that stayed to the end beats it in score and memory. dropped: why
    it left the race, "" if it stayed to the end.
    """

    plan: str
    questions: int
    score: float
    low: float
    high: float
    difference: float
    difference_low: float
    difference_high: float
    kv_bytes: float
    seconds: float
    front: bool
    dropped: str

    def to_dict(self) -> dict[str, Any]:
        """All fields by name, None for what is unknown."""
        return {
            name: None if isinstance(value, float) and math.isnan(value) else value
            for name, value in vars(self).items()
        }


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """The winner of a race, why it won, and how all plans did; the full cache is the first finding.

    length: tokens of a prompt and its answer at most. by_kind: score of the full cache by kind of question. notes:
    what was left out, in words. seconds: how long the search took. records: every answer.
    """

    winner: Plan
    why: str
    findings: tuple[Finding, ...]
    length: int
    seed: int
    question: str
    by_kind: Mapping[str, float]
    notes: tuple[str, ...]
    seconds: float
    records: tuple[Record, ...] = field(repr=False)

    @property
    def front(self) -> tuple[Finding, ...]:
        """The Pareto front of score and memory, the leanest plan first."""
        return tuple(sorted((each for each in self.findings if each.front), key=lambda each: each.kv_bytes))

    @property
    def best(self) -> Finding:
        """How the winner did."""
        return next(each for each in self.findings if each.plan == str(self.winner))

    @property
    def reference(self) -> Finding:
        """How the full cache did."""
        return self.findings[0]

    def to_dict(self) -> dict[str, Any]:
        """All but the records, as JSON can hold it."""
        return {
            "winner": {"plan": str(self.winner), "parts": self.winner.describe(), "why": self.why},
            "plans": [each.to_dict() for each in self.findings],
            "length": self.length,
            "seed": self.seed,
            "question": self.question,
            "full_cache_by_kind": dict(self.by_kind),
            "notes": list(self.notes),
            "seconds": round(self.seconds, 1),
        }


def findings(race: Race[Any]) -> tuple[Finding, ...]:
    """How all arms of a race did, in their order."""
    front = {standing.arm for standing in race.front}
    return tuple(
        _finding(standing, race.yardstick, standing.arm in front) for standing in race.standings.values()
    )


def why(race: Race[Any]) -> str:
    """One sentence on the winner, with what was not compared."""
    winner, reference = race.winner, race.standings[race.reference]
    allowed = f"{100 * race.loss:g} points against the full cache"
    asked = f"the same {len(reference.trials)} questions"
    if winner is reference:
        said = (
            f"no leaner plan within the limits is shown to lose at most {allowed}, so the cache is kept whole"
        )
        tried = [
            each for each in race.rivals if not race.limits.refuse(each) and each.memory < reference.memory
        ]
        if tried:
            nearest = max(tried, key=lambda each: race.yardstick.difference(each).low)
            said += (
                f"; nearest is {nearest.arm}, {_apart(race, nearest)} on {asked}, and more would show more"
            )
    else:
        share = f"{winner.memory / reference.memory:.0%} of the full cache's memory"
        if race.yardstick.holds(winner):
            said = f"the leanest plan within the limits that is shown to lose at most {allowed}"
        else:
            said = f"no plan within the limits is shown to lose at most {allowed}; this one scores highest"
        said += f": {_apart(race, winner)} on {asked}, with {share}"
    untried = [each for each in race.standings.values() if not each.trials]
    return said + (f"; {len(untried)} of {len(race.standings)} plans were not compared" if untried else "")


def _apart(race: Race[Any], standing: Standing) -> str:
    found = race.yardstick.difference(standing)
    ends = "" if math.isnan(found.low) else f" ({100 * found.low:+.1f} to {100 * found.high:+.1f})"
    return f"{100 * found.mean:+.1f} points{ends}"


def _finding(standing: Standing, yardstick: Yardstick, front: bool) -> Finding:
    known = bool(standing.trials)
    estimate = standing.estimate if known else None
    found = yardstick.difference(standing) if known and standing is not yardstick.reference else None
    return Finding(
        plan=standing.arm,
        questions=len(standing.trials),
        score=standing.score,
        low=estimate.low if estimate else math.nan,
        high=estimate.high if estimate else math.nan,
        difference=found.mean if found else math.nan,
        difference_low=found.low if found else math.nan,
        difference_high=found.high if found else math.nan,
        kv_bytes=standing.memory,
        seconds=standing.seconds,
        front=front,
        dropped=standing.dropped,
    )
