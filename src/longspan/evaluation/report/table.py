"""What a run found, as rows: plan × task × length, and the means of tasks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from longspan.evaluation.record import Record
from longspan.evaluation.report.answers import Answers, family
from longspan.evaluation.statistics import Difference, Estimate, Figures, difference_of_tasks, mean_of_tasks

Group: TypeAlias = Mapping[str, Mapping[str, Record]]
"""Scored records by task and sample."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One plan on one task at one length, or on the tasks of a benchmark, or on all tasks.

    name: the task, the benchmark, or "" for all. samples: scored; too_long: not answered; unscored: answered, but the
    task could not score it; cut: answered although a part of the prompt was left out. origin: whose items are asked,
    all kinds of them joined by "+". score and the difference to the first plan are from 0 to 1. Bytes, seconds and
    tokens are means per answer (of several tasks, the mean of their means); peak_kv_bytes is the largest. None is
    what was not measured.
    """

    plan: str
    level: Literal["task", "benchmark", "all"]
    name: str
    length: int | None
    tasks: int
    samples: int
    too_long: int
    unscored: int
    cut: int
    origin: str
    score: Estimate | None
    difference: Difference | None
    kv_bytes: float | None
    peak_kv_bytes: int | None
    prefill_seconds: float | None
    compress_seconds: float | None
    decode_seconds: float | None
    prompt_tokens: float | None
    generated_tokens: float | None

    @property
    def seconds(self) -> float | None:
        """What an answer takes when the plan is used alone."""
        parts = (self.prefill_seconds, self.compress_seconds, self.decode_seconds)
        return sum(part for part in parts if part is not None) if self.samples else None

    def to_dict(self) -> dict[str, Any]:
        """All figures by name, flat, as CSV and JSON hold them."""
        return {
            "plan": self.plan,
            "task" if self.level == "task" else self.level: self.name,
            "length": self.length,
            "samples": self.samples,
            "origin": self.origin,
            "too_long": self.too_long,
            "unscored": self.unscored,
            "cut": self.cut,
            **flat("score", self.score),
            **flat("difference", self.difference),
            "difference_sign": self.difference.sign if self.difference else None,
            "difference_samples": self.difference.count if self.difference else None,
            "kv_bytes": self.kv_bytes,
            "peak_kv_bytes": self.peak_kv_bytes,
            "prefill_seconds": self.prefill_seconds,
            "compress_seconds": self.compress_seconds,
            "decode_seconds": self.decode_seconds,
            "prompt_tokens": self.prompt_tokens,
            "generated_tokens": self.generated_tokens,
        }


def task_rows(answers: Answers) -> tuple[Row, ...]:
    """A row for each length, task and plan that have records."""
    return tuple(
        _row(answers, plan, "task", task, length, (task,))
        for length in answers.lengths
        for task in answers.tasks_at(length)
        for plan in answers.plans
        if answers.given(plan, task, length)
    )


def mean_rows(answers: Answers) -> tuple[Row, ...]:
    """The means of tasks for each length and plan: of a benchmark with several, and of all where that is more."""
    return tuple(
        _row(answers, plan, level, name, length, tasks)
        for length in answers.lengths
        for level, name, tasks in _means(answers.tasks_at(length))
        for plan in answers.plans
        if any(answers.given(plan, task, length) for task in tasks)
    )


def group(answers: Answers, plan: str, length: int | None, tasks: tuple[str, ...]) -> Group:
    """The scored records of some tasks, without the tasks that have none."""
    found = {task: answers.scored(plan, task, length) for task in tasks}
    return {task: records for task, records in found.items() if records}


def estimate(answers: Answers, records: Group) -> Estimate:
    """The mean of the tasks' scores."""
    figures = _figures(answers, records)
    return mean_of_tasks(
        {task: [*each.values()] for task, each in figures.items()},
        answers.aggregates,
        {task: [*each.values()] for task, each in _contexts(records).items()},
    )


def compare(answers: Answers, plan: Group, base: Group) -> Difference | None:
    """How much higher one group scores than another, None where they share no sample."""
    if not any(plan[task].keys() & base[task].keys() for task in plan.keys() & base.keys()):
        return None
    return difference_of_tasks(
        _figures(answers, plan), _figures(answers, base), answers.aggregates, _contexts(base)
    )


def per_answer(records: Group, value: Callable[[Record], float]) -> float:
    """The mean over tasks of a figure's mean over samples."""
    means = [math.fsum(map(value, each.values())) / len(each) for each in records.values()]
    return math.fsum(means) / len(means)


def memory(records: Group) -> tuple[float | None, int | None]:
    """Bytes of keys and values that an answer holds in the mean, and at most; None where they were not measured."""
    kept = per_answer(records, lambda record: record.kv_bytes)
    peak = max(record.peak_kv_bytes for each in records.values() for record in each.values())
    return kept or None, peak or None


def flat(name: str, found: Estimate | None) -> dict[str, float | None]:
    """An estimate and the ends of its interval by name; None is what is unknown."""
    if found is None:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    low, high = (None if math.isnan(bound) else bound for bound in (found.low, found.high))
    return {name: found.mean, f"{name}_low": low, f"{name}_high": high}


def _means(
    tasks: tuple[str, ...],
) -> Iterator[tuple[Literal["benchmark", "all"], str, tuple[str, ...]]]:
    families = dict.fromkeys(map(family, tasks))
    for name in families:
        inside = tuple(task for task in tasks if family(task) == name)
        if len(inside) > 1:
            yield "benchmark", name, inside
    if len(families) > 1:
        yield "all", "", tasks


def _row(
    answers: Answers,
    plan: str,
    level: Literal["task", "benchmark", "all"],
    name: str,
    length: int | None,
    tasks: tuple[str, ...],
) -> Row:
    given = [record for task in tasks for record in answers.given(plan, task, length).values()]
    scored = group(answers, plan, length, tasks)
    first = answers.plans[0]
    base = group(answers, first, length, tasks)
    kept, peak = memory(scored) if scored else (None, None)

    def mean_of(value: Callable[[Record], float]) -> float | None:
        return per_answer(scored, value) if scored else None

    return Row(
        plan=plan,
        level=level,
        name=name,
        length=length,
        tasks=len(scored),
        samples=sum(map(len, scored.values())),
        too_long=sum(record.status == "too-long" for record in given),
        unscored=sum(record.status == "unscored" for record in given),
        cut=sum(record.truncated_tokens > 0 for record in given),
        origin="+".join(dict.fromkeys(filter(None, (answers.origins.get(task, "") for task in tasks)))),
        score=estimate(answers, scored) if scored else None,
        difference=compare(answers, scored, base) if plan != first else None,
        kv_bytes=kept,
        peak_kv_bytes=peak,
        prefill_seconds=mean_of(lambda record: record.prefill_seconds),
        compress_seconds=mean_of(lambda record: record.compress_seconds),
        decode_seconds=mean_of(lambda record: record.decode_seconds),
        prompt_tokens=mean_of(lambda record: record.prompt_tokens),
        generated_tokens=mean_of(lambda record: record.generated_tokens),
    )


def _contexts(records: Group) -> dict[str, dict[str, str]]:
    """Which text each sample is about, by task; a sample of its own in runs that do not say."""
    return {
        task: {sample: record.cluster or sample for sample, record in group.items()}
        for task, group in records.items()
    }


def _figures(answers: Answers, records: Group) -> dict[str, dict[str, Figures]]:
    """What the score of each task is made from, by sample."""
    return {
        task: {
            sample: tuple(record.scores[name] for name in answers.aggregates[task].figures)
            for sample, record in group.items()
        }
        for task, group in records.items()
    }
