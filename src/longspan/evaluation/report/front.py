"""Quality against what it costs: where each plan stands, and which plans no other beats."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar

from longspan.evaluation.report.answers import Answers
from longspan.evaluation.report.table import Group, compare, estimate, flat, group, memory, per_answer
from longspan.evaluation.statistics import Difference, Estimate

Question = TypeVar("Question", bound=Hashable)
"""What tells one sample from all others that are compared with it."""

Place: TypeAlias = tuple[str, str]
"""Task and sample."""

MIN_SHARE = 0.5
"""A plan that answered a smaller part of the samples is not compared with the others."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """A plan at one length: its score and its difference to the first plan (from 0 to 1), and what an answer costs.

    kv_bytes: keys and values that an answer holds in the mean, peak_kv_bytes: at most, None if not measured. Seconds
    are means per answer.
    """

    plan: str
    score: Estimate
    difference: Difference | None
    kv_bytes: float | None
    peak_kv_bytes: int | None
    prefill_seconds: float
    compress_seconds: float
    decode_seconds: float

    @property
    def seconds(self) -> float:
        """What an answer takes when the plan is used alone."""
        return self.prefill_seconds + self.compress_seconds + self.decode_seconds

    def to_dict(self) -> dict[str, Any]:
        """All figures by name, flat."""
        return {
            "plan": self.plan,
            **flat("score", self.score),
            **flat("difference", self.difference),
            "kv_bytes": self.kv_bytes,
            "peak_kv_bytes": self.peak_kv_bytes,
            "seconds": self.seconds,
        }


@dataclass(frozen=True, kw_only=True)
class Axis:
    """A cost that quality is held against: its title, its kind of unit, and how a point gives it."""

    name: Literal["kv_bytes", "peak_kv_bytes", "seconds"]
    title: str
    unit: Literal["bytes", "seconds"]

    def cost(self, point: Point) -> float | None:
        """The cost of a plan, None if it was not measured."""
        found: float | None = getattr(point, self.name)
        return found


AXES = (
    Axis(name="kv_bytes", title="Keys and values held per answer", unit="bytes"),
    Axis(name="peak_kv_bytes", title="Keys and values at most", unit="bytes"),
    Axis(name="seconds", title="Time per answer", unit="seconds"),
)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The plans at one length, all on the same samples: those that each of them answered.

    tasks: of which they have samples; samples: how many. base: the plan that differences are to. left_out: plans that
    answered too few samples to be compared. stand_ins: tasks that do not ask the benchmark's items. paired: whether the
    plans answered the same samples; runs whose samples are not the same have no differences.
    """

    length: int | None
    base: str
    tasks: tuple[str, ...]
    samples: int
    points: tuple[Point, ...]
    left_out: tuple[str, ...]
    stand_ins: tuple[str, ...] = ()
    paired: bool = True

    @property
    def first(self) -> Point | None:
        """The point of the first plan, which all others are compared with; None if it is left out."""
        return next((point for point in self.points if point.plan == self.base), None)

    def front(self, axis: Axis) -> tuple[Point, ...]:
        """The plans that no other beats in quality without costing more, from the cheapest to the best.

        One that gets nothing right is never among them.
        """
        costs = [(point, axis.cost(point)) for point in self.points if point.score.mean > 0]
        known = [(point, cost) for point, cost in costs if cost is not None]
        best = pareto([cost for _, cost in known], [point.score.mean for point, _ in known])
        return tuple(known[place][0] for place in best)

    def to_dict(self) -> dict[str, Any]:
        """All figures by name, as JSON holds them, with the plans on the front of each axis."""
        fronts = {axis.name: [point.plan for point in self.front(axis)] for axis in AXES}
        return {
            "length": self.length,
            "tasks": list(self.tasks),
            "stand_ins": list(self.stand_ins),
            "samples": self.samples,
            "paired": self.paired,
            "points": [point.to_dict() for point in self.points],
            "fronts": fronts,
            "left_out": list(self.left_out),
        }


def pareto(costs: Sequence[float], qualities: Sequence[float]) -> list[int]:
    """Places of the points that no other dominates, by rising cost; equals stay together."""
    front: list[int] = []
    for place in sorted(range(len(costs)), key=lambda each: (costs[each], -qualities[each], each)):
        last = front[-1] if front else place
        equal = costs[place] == costs[last] and qualities[place] == qualities[last]
        if equal or qualities[place] > qualities[last]:
            front.append(place)
    return front


def standings(answers: Answers) -> tuple[Standing, ...]:
    """Where the plans stand at each length; a length at which they share no scored sample is left out."""
    found = (_standing(answers, length) for length in answers.lengths)
    return tuple(standing for standing in found if standing is not None)


def comparable(answered: Mapping[str, set[Question]]) -> tuple[tuple[str, ...], set[Question]]:
    """The plans that answered enough to be compared, and the questions that each of them answered."""
    every: set[Question] = set().union(*answered.values())
    plans = tuple(plan for plan, found in answered.items() if 0 < len(found) >= MIN_SHARE * len(every))
    return plans, set.intersection(*(answered[plan] for plan in plans)) if plans else set()


def _standing(answers: Answers, length: int | None) -> Standing | None:
    tasks = answers.tasks_at(length)
    groups = {plan: group(answers, plan, length, tasks) for plan in answers.plans}
    plans, shared = comparable({plan: _questions(records) for plan, records in groups.items()})
    if not shared:
        return _unpaired(answers, length, tasks, groups)
    first = answers.plans[0]
    base = _only(groups[first], shared) if first in plans else None
    return Standing(
        length=length,
        base=first,
        tasks=tuple(task for task in tasks if any(task == each for each, _ in shared)),
        samples=len(shared),
        points=tuple(
            _point(answers, plan, _only(groups[plan], shared), base if plan != first else None)
            for plan in plans
        ),
        left_out=tuple(plan for plan in answers.plans if plan not in plans),
        stand_ins=answers.stand_ins(task for task in tasks if any(task == each for each, _ in shared)),
    )


def _unpaired(
    answers: Answers, length: int | None, tasks: tuple[str, ...], groups: Mapping[str, Group]
) -> Standing | None:
    """The plans of several runs, each on its own samples, where all have samples of the same tasks."""
    known = {plan: frozenset(records) for plan, records in groups.items() if records}
    if len(answers.runs) < 2 or len(set(known.values())) != 1:
        return None
    return Standing(
        length=length,
        base=answers.plans[0],
        tasks=tuple(task for task in tasks if task in next(iter(known.values()))),
        samples=min(sum(map(len, groups[plan].values())) for plan in known),
        points=tuple(_point(answers, plan, groups[plan], None) for plan in known),
        left_out=tuple(plan for plan in answers.plans if plan not in known),
        stand_ins=answers.stand_ins(tasks),
        paired=False,
    )


def _point(answers: Answers, plan: str, records: Group, base: Group | None) -> Point:
    kept, peak = memory(records)
    return Point(
        plan=plan,
        score=estimate(answers, records),
        difference=compare(answers, records, base) if base is not None else None,
        kv_bytes=kept,
        peak_kv_bytes=peak,
        prefill_seconds=per_answer(records, lambda record: record.prefill_seconds),
        compress_seconds=per_answer(records, lambda record: record.compress_seconds),
        decode_seconds=per_answer(records, lambda record: record.decode_seconds),
    )


def _questions(records: Group) -> set[Place]:
    return {(task, sample) for task, group in records.items() for sample in group}


def _only(records: Group, shared: set[Place]) -> Group:
    return {
        task: kept
        for task, group in records.items()
        if (kept := {sample: record for sample, record in group.items() if (task, sample) in shared})
    }
