"""How the score goes with the length of the text, and with the depth at which the answer lies."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from longspan.evaluation.record import Record
from longspan.evaluation.report.answers import Answers, family
from longspan.evaluation.report.front import comparable
from longspan.evaluation.report.table import estimate, group
from longspan.evaluation.report.wording import length_name
from longspan.evaluation.statistics import Estimate, mean

Placed: TypeAlias = tuple[float, Record]
"""A record with the depth at which its answer lies."""

MAX_DEPTHS = 26
"""With more depths than these (NoLiMa has as many), they are put together in tenths."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The scores of one plan: by place, which is a length, or a depth from 0 to 1."""

    plan: str
    scores: Mapping[float, Estimate]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Curves of several plans over the same places. title: what they are scores of."""

    title: str
    curves: tuple[Curve, ...]

    @property
    def places(self) -> tuple[float, ...]:
        """All places where some plan has a score."""
        return tuple(sorted({place for curve in self.curves for place in curve.scores}))


@dataclass(frozen=True, kw_only=True)
class HeatMap:
    """One plan's mean score and number of samples by depth and length."""

    plan: str
    depths: tuple[float, ...]
    lengths: tuple[int, ...]
    cells: Mapping[tuple[float, int], tuple[float, int]]


def by_length(answers: Answers) -> tuple[Chart, ...]:
    """A chart for the tasks of a benchmark that have the same lengths, two or more of them.

    A plan has a score where it has one for each of the tasks.
    """
    together: dict[tuple[str, tuple[int, ...]], list[str]] = {}
    for task in answers.tasks:
        together.setdefault((family(task), _sizes(answers, task)), []).append(task)
    charts = (
        _over_lengths(answers, name, lengths, tuple(tasks)) for (name, lengths), tasks in together.items()
    )
    return tuple(chart for chart in charts if len(chart.places) > 1)


def by_length_of_each(answers: Answers) -> tuple[Chart, ...]:
    """A chart for each task with two or more lengths."""
    charts = (_over_lengths(answers, task, _sizes(answers, task), (task,)) for task in answers.tasks)
    return tuple(chart for chart in charts if len(chart.places) > 1)


def by_depth(answers: Answers) -> tuple[Chart, ...]:
    """A chart for each task and length whose samples say at which depth the answer lies.

    It has the plans that can be compared, on the samples that each of them answered. Tasks and lengths are not put
    together: where one is harder and has its answers at other depths, that would look like a matter of depth.
    """
    charts = (
        _over_depths(answers, f"{task}, {length_name(length)}", at)
        for task, found in _with_depth(answers)
        for length, at in _by_length(found)
    )
    return tuple(chart for chart in charts if len(chart.places) > 1)


def heat_maps(answers: Answers) -> tuple[tuple[str, tuple[HeatMap, ...]], ...]:
    """For each task with depths and two or more lengths: its name and a map for each plan."""
    return tuple(
        (name, tuple(_map(found, plan) for plan in answers.plans if _of(found, plan)))
        for name, found in _with_depth(answers)
        if len({record.length for _, record in found if record.length is not None}) > 1
    )


def _by_length(found: Sequence[Placed]) -> Iterator[tuple[int | None, list[Placed]]]:
    at: dict[int | None, list[Placed]] = {}
    for depth, record in found:
        at.setdefault(record.length, []).append((depth, record))
    yield from sorted(at.items(), key=lambda each: math.inf if each[0] is None else each[0])


def _sizes(answers: Answers, task: str) -> tuple[int, ...]:
    return tuple(length for length in answers.lengths_of(task) if length is not None)


def _over_lengths(answers: Answers, name: str, lengths: tuple[int, ...], tasks: tuple[str, ...]) -> Chart:
    def scores(plan: str) -> Iterator[tuple[float, Estimate]]:
        for length in lengths:
            records = group(answers, plan, length, tasks)
            if len(records) == len(tasks):
                yield length, estimate(answers, records)

    curves = (Curve(plan=plan, scores=dict(scores(plan))) for plan in answers.plans)
    several = f", mean of {len(tasks)} tasks" if len(tasks) > 1 else ""
    return Chart(title=f"{name}{several}", curves=tuple(curve for curve in curves if curve.scores))


def _over_depths(answers: Answers, name: str, found: Sequence[Placed]) -> Chart:
    def questions(plan: str) -> set[tuple[str, int | None, str]]:
        return {record.key[:3] for _, record in _of(found, plan)}

    plans, shared = comparable({plan: questions(plan) for plan in answers.plans})
    both = [(depth, record) for depth, record in found if record.key[:3] in shared]
    return Chart(title=name, curves=tuple(Curve(plan=plan, scores=_estimates(both, plan)) for plan in plans))


def _with_depth(answers: Answers) -> Iterator[tuple[str, list[Placed]]]:
    """The scored records of each task with two or more depths, each with its depth, put together if many."""
    tasks: dict[str, list[Placed]] = {}
    for record in answers.records.values():
        depth = _depth(record)
        if record.status == "scored" and depth is not None:
            tasks.setdefault(record.task, []).append((depth, record))
    for name, found in tasks.items():
        depths = placed([depth for depth, _ in found])
        if len(set(depths)) > 1:
            yield name, [(depth, record) for depth, (_, record) in zip(depths, found, strict=True)]


def placed(depths: Sequence[float]) -> list[float]:
    """Depths to the thousandth; where they are more than `MAX_DEPTHS`, the middle of the tenth that each is in."""
    exact = [round(depth, 3) for depth in depths]
    if len(set(exact)) <= MAX_DEPTHS:
        return exact
    return [round((min(int(depth * 10), 9) + 0.5) / 10, 2) for depth in depths]


def _estimates(found: Sequence[Placed], plan: str) -> dict[float, Estimate]:
    at: dict[float, list[Record]] = {}
    for depth, record in _of(found, plan):
        at.setdefault(depth, []).append(record)
    return {
        depth: mean(
            [record.score for record in at[depth]],
            [record.cluster or record.sample for record in at[depth]],
        )
        for depth in sorted(at)
    }


def _map(found: Sequence[Placed], plan: str) -> HeatMap:
    scores: dict[tuple[float, int], list[float]] = {}
    for depth, record in _of(found, plan):
        if record.length is not None:
            scores.setdefault((depth, record.length), []).append(record.score)
    return HeatMap(
        plan=plan,
        depths=tuple(sorted({depth for depth, _ in found})),
        lengths=tuple(sorted({record.length for _, record in found if record.length is not None})),
        cells={place: (math.fsum(each) / len(each), len(each)) for place, each in scores.items()},
    )


def _of(found: Sequence[Placed], plan: str) -> list[Placed]:
    return [(depth, record) for depth, record in found if record.plan == plan]


def _depth(record: Record) -> float | None:
    """Where the answer lies, None if the task does not say it as a number from 0 to 1."""
    depth = record.facts.get("depth")
    if isinstance(depth, bool) or not isinstance(depth, int | float):
        return None
    return float(depth) if 0 <= depth <= 1 else None
