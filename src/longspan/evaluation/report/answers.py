"""The records of a run, in the order of its plans, tasks and lengths."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from string import ascii_uppercase
from typing import Any, Self

from longspan.evaluation.metrics.aggregate import AGGREGATES, MEAN, Aggregate
from longspan.evaluation.record import Key, Record, RunFolder
from longspan.evaluation.task import TaskError

_ROUNDING = 1e-6


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a run has answered so far.

    run: what `run.json` holds. plans: their texts, first the one that all others are compared with. aggregates: how
    the samples' scores become that of their task, by task. records: by their keys. Plans, tasks and lengths stand in
    the order in which the run names them. origins: whose items each task asks, "" where that is not known. notes: what
    readers must know of the figures, a sentence each. runs: the name and the description of each run that it has.
    parts: the runs of which it is made, where these are several.
    """

    run: Mapping[str, Any]
    plans: tuple[str, ...]
    tasks: tuple[str, ...]
    aggregates: Mapping[str, Aggregate]
    lengths: tuple[int | None, ...]
    records: Mapping[Key, Record]
    origins: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    runs: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    parts: tuple[Answers, ...] = ()

    @classmethod
    def of(cls, folder: RunFolder) -> Self:
        """The answers in a folder.

        Raises TaskError if it holds no run, or no answer, or a record without what its task's score is made from.
        """
        run = folder.description
        records = {record.key: record for record in folder.records()}
        if not records:
            raise TaskError(f"{folder.path} holds no answers yet; have longspan eval write to it first")
        named = {task["name"]: _aggregate(task, folder) for task in run.get("tasks", ())}
        tasks = _in_order(named, (record.task for record in records.values()))
        aggregates = {task: named.get(task, MEAN) for task in tasks}
        for record in records.values():
            lacking = _lacking(record, aggregates[record.task]) if record.status == "scored" else ""
            if lacking:
                raise TaskError(
                    f"{folder.path}: sample {record.sample} of {record.task} has no {lacking}; "
                    "remove its line from records.jsonl and run longspan eval again"
                )
        lengths = {record.length for record in records.values()}
        return cls(
            run=run,
            plans=_in_order(run.get("plans", ()), (record.plan for record in records.values())),
            tasks=tasks,
            aggregates=aggregates,
            lengths=tuple(sorted(lengths, key=lambda length: math.inf if length is None else length)),
            records=records,
            origins={task: _origin(task, run, records.values()) for task in tasks},
            runs=(("This run", run),),
            notes=tuple(_notes(run, tasks, records.values())),
        )

    def stand_ins(self, tasks: Iterable[str]) -> tuple[str, ...]:
        """Those of the tasks that do not ask the benchmark's items."""
        return tuple(task for task in tasks if self.origins.get(task) == "stand-in")

    @cached_property
    def _cells(self) -> Mapping[tuple[str, str, int | None], Mapping[str, Record]]:
        cells: dict[tuple[str, str, int | None], dict[str, Record]] = {}
        for record in self.records.values():
            cells.setdefault((record.plan, record.task, record.length), {})[record.sample] = record
        return cells

    def given(self, plan: str, task: str, length: int | None) -> Mapping[str, Record]:
        """All records by sample, those that were too long too."""
        return self._cells.get((plan, task, length), {})

    def scored(self, plan: str, task: str, length: int | None) -> Mapping[str, Record]:
        """The records that have a score, by sample."""
        given = self.given(plan, task, length)
        return {sample: record for sample, record in given.items() if record.status == "scored"}

    def tasks_at(self, length: int | None) -> tuple[str, ...]:
        """The tasks that have records at a length."""
        return tuple(
            task for task in self.tasks if any((plan, task, length) in self._cells for plan in self.plans)
        )

    def lengths_of(self, task: str) -> tuple[int | None, ...]:
        """The lengths at which a task has records."""
        return tuple(
            length
            for length in self.lengths
            if any((plan, task, length) in self._cells for plan in self.plans)
        )

    @property
    def missing(self) -> int:
        """Answers that are still to come: those that another plan has already, or that the run asks for."""
        if self.parts:
            return sum(part.missing for part in self.parts)
        wanted = self.run.get("samples") or 0
        asked = [length for length in self.run.get("lengths") or () if length is not None]
        count = 0
        for task in self.tasks:
            done = self.lengths_of(task)
            for length in done if None in done else dict.fromkeys((*asked, *done)):
                given = [set(self.given(plan, task, length)) for plan in self.plans]
                known = len(set[str]().union(*given))
                # A data set, which has no length, may have fewer samples than are asked for.
                expected = known if length is None else max(known, wanted)
                count += sum(expected - len(each) for each in given)
        return count


def letter(number: int) -> str:
    """The sign of plan `number` in tables and pictures: A to Z, then AA and so on."""
    before, last = divmod(number, len(ascii_uppercase))
    return (letter(before - 1) if before else "") + ascii_uppercase[last]


def plan_name(plan: str) -> str:
    """A plan's text for people, who should not have to read an empty one."""
    return plan or "no plan (full cache)"


def family(task: str) -> str:
    """The benchmark that a task belongs to."""
    return task.partition("/")[0]


def _origin(task: str, run: Mapping[str, Any], records: Iterable[Record]) -> str:
    known = {each.get("name"): str(each.get("origin") or "") for each in run.get("tasks", ())}
    return known.get(task) or next((each.origin for each in records if each.task == task), "")


def _notes(run: Mapping[str, Any], tasks: Iterable[str], records: Iterable[Record]) -> Iterator[str]:
    given = list(records)
    if stand_ins := [task for task in tasks if _origin(task, run, given) == "stand-in"]:
        yield f"Made here in place of the benchmark's items, so not its figures: {', '.join(stand_ins)}."
    for task, reason in (run.get("skipped") or {}).items():
        yield f"Not asked: {reason}." if reason.startswith(task) else f"Not asked: {task}, {reason}."
    yield from faults(given)


def faults(given: Sequence[Record]) -> Iterator[str]:
    """What is wrong with answers, in words."""
    lost = [record for record in given if record.reasoning and not record.output]
    if lost:
        yield (
            f"{len(lost)} of {len(given)} answers ended within their reasoning, the first of {lost[0].task}, and count "
            "as empty; thinking=N of longspan eval gives each N tokens more."
        )
    failed = [record for record in given if record.status == "unscored"]
    if failed:
        yield (
            f"{len(failed)} of {len(given)} answers could not be scored, the first of {failed[0].task}: "
            f"{failed[0].error}. They count in no figure; rescoring with longspan eval tries again."
        )


def _in_order(named: Iterable[str], found: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*named, *found)))


def _aggregate(task: Mapping[str, Any], folder: RunFolder) -> Aggregate:
    """The one that a task of the run names; runs of older versions name none, and knew only the mean."""
    name = str(task.get("aggregate", "mean"))
    if name not in AGGREGATES:
        raise TaskError(
            f"{folder.path}: {task['name']} joins its scores by {name!r}, known: {', '.join(AGGREGATES)}; "
            "read the run with the version of longspan that made it"
        )
    return AGGREGATES[name]


def _lacking(record: Record, aggregate: Aggregate) -> str:
    """What a record should have and has not, "" if nothing."""
    score = record.scores.get("score")
    if not isinstance(score, int | float) or not -_ROUNDING <= score <= 1 + _ROUNDING:
        return "score from 0 to 1"
    figures = (name for name in aggregate.figures if not isinstance(record.scores.get(name), int | float))
    return ", ".join(figures)
