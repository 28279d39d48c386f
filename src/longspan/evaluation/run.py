"""A run: tasks × lengths × samples × plans on a target, each record kept as soon as it is there."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from longspan.errors import WindowExceeded
from longspan.evaluation.environment import machine, versions
from longspan.evaluation.haystack import Haystack
from longspan.evaluation.prepared import prepared
from longspan.evaluation.prompt import TooLong
from longspan.evaluation.record import Key, Record, RunFolder, task_facts
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Request, Task, TaskError
from longspan.evaluation.work import Question, Target, Work
from longspan.plan import Plan


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is run.

    lengths: tokens of prompt and answer for tasks that are made at a length. samples: how many of each task and
    length, None for all of a data set. question: see `work.Question`. too_long: see `prompt.TooLong`. data: a folder
    with local copies of data sets.
    """

    tasks: tuple[Task, ...]
    plans: tuple[Plan, ...] = (Plan(),)
    lengths: tuple[int, ...] = (4096,)
    samples: int | None = 20
    seed: int = 0
    question: Question = "seen"
    too_long: TooLong = "skip"
    haystack: Haystack = field(default_factory=Haystack.built_in)
    data: Path | None = None

    def lengths_of(self, task: Task) -> tuple[int | None, ...]:
        """The lengths of a task, only None for one whose samples come as they are."""
        return self.lengths if task.sized else (None,)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a run has come: records done of total (those of data sets of unknown size are not in it), and the last
    record."""

    done: int
    total: int
    record: Record | None


def run(
    job: Job, target: Target, folder: RunFolder, progress: Callable[[Progress], None] | None = None
) -> None:
    """Does what is not done yet. Raises TaskError where the folder holds a run of something else.

    Raises WindowExceeded before anything is read when a wanted length exceeds the window of a plan.
    """
    _check_window(job, target)
    with folder:
        description = _described(job, target, folder)
        done = Counter(record.key for record in folder.records())
        began, timing = time.perf_counter(), dict(description["timing"])
        total = _total(job)
        count = len(done)
        if progress is not None:
            progress(Progress(done=count, total=total, record=None))
        works = _open_work(job, target, set(done))
        for record in target.answers(works, question=job.question, too_long=job.too_long):
            folder.append(record)
            count += 1
            if not record.shared:
                timing["read_seconds"] += record.prefill_seconds
            timing["compress_seconds"] += record.compress_seconds
            timing["decode_seconds"] += record.decode_seconds
            if progress is not None:
                progress(Progress(done=count, total=max(total, count), record=record))
            wall = description["timing"]["wall_seconds"] + time.perf_counter() - began
            folder.describe({**description, "timing": {**timing, "wall_seconds": wall}})


def _open_work(job: Job, target: Target, done: set[Key]) -> Iterator[Work]:
    """What is not done yet."""
    for task in job.tasks:
        for length in job.lengths_of(task):
            samples = _samples(job, target, task, length)
            for _, same in groupby(samples, key=lambda sample: sample.context):
                lacking: dict[tuple[Plan, ...], list[Sample]] = {}
                for sample in same:
                    plans = tuple(
                        plan for plan in job.plans if (task.name, length, sample.id, str(plan)) not in done
                    )
                    if plans:
                        lacking.setdefault(plans, []).append(sample)
                for plans, chosen in lacking.items():
                    yield Work(task=task, length=length, samples=tuple(chosen), plans=plans)


def _samples(job: Job, target: Target, task: Task, length: int | None) -> Iterator[Sample]:
    request = Request(
        length=length,
        seed=job.seed,
        count_tokens=target.count_tokens,
        overhead=target.overhead if task.chat else 0,
        haystack=job.haystack,
        data=job.data,
    )
    count = 20 if job.samples is None and task.sized else job.samples
    seen: set[str] = set()
    for sample in prepared(task, request, count, target.describe()["tokenizer"]):
        if sample.id in seen:
            raise TaskError(f"{task.name} has two samples {sample.id!r}; give each an id of its own")
        seen.add(sample.id)
        yield sample


def _total(job: Job) -> int:
    return sum(len(job.lengths_of(task)) * (job.samples or 0) * len(job.plans) for task in job.tasks)


def _check_window(job: Job, target: Target) -> None:
    if job.too_long != "skip" or not any(task.sized for task in job.tasks):
        return
    for plan in job.plans:
        window = target.window(plan)
        over = [length for length in job.lengths if window is not None and length > window]
        if over:
            raise WindowExceeded(
                f"length {max(over):,} > window {window:,} of plan {str(plan)!r}; raise it with positions=..., for "
                f"example positions=yarn(factor={-(-max(over) // (window or 1))}), ask for shorter lengths, or have "
                "contexts cut with --too-long middle"
            )


def _described(job: Job, target: Target, folder: RunFolder) -> dict[str, Any]:
    """What `run.json` holds, new or of the run that goes on; tasks, plans and lengths may be added to a run."""
    fixed = {
        "model": target.describe(),
        "seed": job.seed,
        "question": job.question,
        "too_long": job.too_long,
        "haystack": {"name": job.haystack.name, "digest": job.haystack.digest},
    }
    tasks = {task.name: task_facts(task, job.data) for task in job.tasks}
    mine: dict[str, list[Any]] = {
        "plans": [str(plan) for plan in job.plans],
        "lengths": [length for task in job.tasks for length in job.lengths_of(task)],
    }
    if not folder.begun:
        description = {
            **fixed,
            **{name: _merged([], values) for name, values in mine.items()},
            "tasks": list(tasks.values()),
            "samples": job.samples,
            "versions": versions(),
            "machine": machine(),
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "timing": dict.fromkeys(
                ("wall_seconds", "read_seconds", "compress_seconds", "decode_seconds"), 0.0
            ),
        }
    else:
        before = folder.description
        for name, value in fixed.items():
            if before.get(name) != value:
                raise TaskError(
                    f"{folder.path} holds a run with {name}={before.get(name)!r}, this one has {value!r}; "
                    "choose another --out"
                )
        description = {
            **before,
            **{name: _merged(before[name], values) for name, values in mine.items()},
            "tasks": list(({task["name"]: task for task in before["tasks"]} | tasks).values()),
            "samples": job.samples,
        }
    folder.describe(description)
    return description


def _merged(old: list[Any], new: list[Any]) -> list[Any]:
    return old + [each for place, each in enumerate(new) if each not in old and each not in new[:place]]
