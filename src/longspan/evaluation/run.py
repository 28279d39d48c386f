"""A run: tasks × lengths × samples × plans on a target, each record kept as soon as it is there."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from longspan.errors import WindowExceeded
from longspan.evaluation.environment import machine
from longspan.evaluation.flowing import DIRECT
from longspan.evaluation.job import Job
from longspan.evaluation.record import Record, RunFolder
from longspan.evaluation.resume import check_same
from longspan.evaluation.task import TaskError
from longspan.evaluation.work import Target
from longspan.evaluation.works import MADE, Works
from longspan.progress import Progress
from longspan.seam.scaling import FARTHEST


@dataclass(frozen=True, kw_only=True)
class RunProgress(Progress):
    """How far a run has come, in answers. record: the last of them, None before the first."""

    record: Record | None
    stage: str = "answering"
    unit: str = "answers"


def check(job: Job, folder: RunFolder) -> None:
    """Raises TaskError where the folder holds a run of something else, as far as that is known without the model."""
    if folder.begun:
        check_same(folder.description, job.fixed(), folder.path)


def run(
    job: Job, target: Target, folder: RunFolder, progress: Callable[[RunProgress], None] | None = None
) -> Mapping[str, str]:
    """Does what is not done yet, and returns the tasks that could not be asked, each with the reason.

    Raises TaskError where the folder holds a run of something else, or where no task could be asked. Raises
    WindowExceeded before anything is read when a wanted length exceeds the window of a plan.
    """
    _check_window(job, target)
    with folder:
        description = _described(job, target, folder)
        done = Counter(record.key for record in folder.records())
        began, timing = time.perf_counter(), dict(description["timing"])
        total = _total(job)
        count = len(done)
        if progress is not None:
            progress(RunProgress(processed=count, total=total, record=None))
        works = Works(job, target, folder.samples, set(done))
        for record in target.answers(works.open(), job.asking):
            folder.append(record)
            count += 1
            if not record.shared:
                timing["read_seconds"] += record.prefill_seconds
            timing["compress_seconds"] += record.compress_seconds
            timing["decode_seconds"] += record.decode_seconds
            if progress is not None:
                known = max(total, count) if total else None
                progress(RunProgress(processed=count, total=known, record=record))
            wall = description["timing"]["wall_seconds"] + time.perf_counter() - began
            folder.describe({**description, "timing": {**timing, "wall_seconds": wall}})
        if works.skipped:
            folder.describe({**folder.description, "skipped": dict(works.skipped)})
            if not count:
                first, *others = works.skipped.values()
                more = f" (and {len(others)} more tasks could not be asked)" if others else ""
                raise TaskError(f"{first}{more}")
        return works.skipped


def _total(job: Job) -> int | None:
    if not all(task.sized for task in job.tasks):
        return None
    samples = MADE if job.samples is None else job.samples
    return len(job.tasks) * len(job.lengths) * samples * job.asking.repeats * len(job.columns)


def _check_window(job: Job, target: Target) -> None:
    if DIRECT not in job.flows or job.asking.too_long != "skip" or not any(task.sized for task in job.tasks):
        return
    more = f" and thinking {job.asking.thinking:,}" if job.asking.thinking else ""
    for plan in job.plans:
        window = target.window(plan)
        room = window and window - job.asking.thinking
        over = [length for length in job.lengths if room is not None and length > room]
        if over:
            factor = -(-(max(over) + job.asking.thinking) // (window or 1))
            wider = f"raise it with positions=..., for example positions=yarn(factor={factor}), "
            raise WindowExceeded(
                f"length {max(over):,}{more} > window {window:,} of plan {str(plan)!r}; "
                f"{wider if factor <= FARTHEST else ''}ask for shorter lengths, or have contexts cut with "
                "too_long=middle"
            )


def _described(job: Job, target: Target, folder: RunFolder) -> dict[str, Any]:
    """What `run.json` holds, new or of the run that goes on; tasks, plans and lengths may be added to a run."""
    fixed = {**job.fixed(), "model": target.describe()}
    mine: dict[str, list[Any]] = {
        "plans": list(job.columns),
        "lengths": [length for task in job.tasks for length in job.lengths_of(task)],
    }
    if not folder.begun:
        description = {
            **fixed,
            **{name: _merged([], values) for name, values in mine.items()},
            "samples": job.samples,
            "machine": machine(),
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "timing": dict.fromkeys(
                ("wall_seconds", "read_seconds", "compress_seconds", "decode_seconds"), 0.0
            ),
        }
    else:
        before = {name: value for name, value in folder.description.items() if name != "skipped"}
        check_same(before, fixed, folder.path)
        tasks = {task["name"]: task for task in (*before["tasks"], *fixed["tasks"])}
        description = {
            **before,
            **{name: _merged(before[name], values) for name, values in mine.items()},
            "tasks": list(tasks.values()),
            "samples": job.samples,
        }
    folder.describe(description)
    return description


def _merged(old: list[Any], new: list[Any]) -> list[Any]:
    return old + [each for place, each in enumerate(new) if each not in old and each not in new[:place]]
