"""Scoring kept answers with today's scorers, without asking the model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from longspan.evaluation.catalogue import find
from longspan.evaluation.environment import versions
from longspan.evaluation.record import Record, RunFolder
from longspan.evaluation.resume import task_facts
from longspan.evaluation.sample import Sample
from longspan.evaluation.scoring import scored
from longspan.evaluation.task import Task, TaskError


@dataclass(frozen=True, kw_only=True)
class Rescored:
    """How many answers there were, how many have another score than before, and how many could not be scored."""

    answers: int
    changed: int
    unscored: int

    def line(self) -> str:
        """One line for people."""
        left = f"; {self.unscored} could not be scored" if self.unscored else ""
        return f"{self.answers} answers scored anew, {self.changed} with another score{left}"


def rescored(folder: RunFolder, tasks: Iterable[Task] = ()) -> Rescored:
    """Replaces the scores in a run's folder, whole or not at all.

    tasks: those that the catalogue does not have, such as a user's own; others are found by their names. Samples are
    those that the run kept; a run of a version that kept none is scored by its references and facts. Raises TaskError
    where the folder holds no run, or a task is not known.
    """
    description = folder.description
    with folder:
        before = list(folder.records())
        kept = {place: each.sample for place, each in folder.samples.all()}
        known = _tasks({record.task for record in before}, tasks)
        after = [_scored(record, kept, known[record.task]) for record in before]
        folder.rewrite(after)
        facts = [
            {**task_facts(known[task["name"]], None), "origin": task.get("origin", "")}
            if task["name"] in known
            else task
            for task in description.get("tasks", ())
        ]
        now = datetime.now(UTC).isoformat(timespec="seconds")
        folder.describe(
            {**description, "tasks": facts, "rescored": {"at": now, "longspan": versions()["longspan"]}}
        )
    return Rescored(
        answers=sum(record.status != "too-long" for record in after),
        changed=sum(old.scores != new.scores for old, new in zip(before, after, strict=True)),
        unscored=sum(record.status == "unscored" for record in after),
    )


def _tasks(names: Iterable[str], given: Iterable[Task]) -> Mapping[str, Task]:
    found = {task.name: task for task in given}
    for name in sorted(names):
        if name not in found:
            try:
                (found[name],) = find([name])
            except (TaskError, ValueError) as error:
                raise TaskError(
                    f"{name} is no task of this version of longspan ({error}); for one of your own name its file"
                ) from error
    return found


def _scored(record: Record, kept: Mapping[tuple[str, int | None, str], Sample], task: Task) -> Record:
    if record.status == "too-long":
        return record
    asked = kept.get((record.task, record.length, record.sample)) or Sample(
        id=record.sample,
        context="",
        question="",
        references=record.references,
        facts=record.facts,
    )
    return scored(record, task, record.output, asked)
