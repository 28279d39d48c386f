"""What a run's answers rest on, and whether a run may go on: never with other samples, scorers or versions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from longspan.evaluation.asking import Asking
from longspan.evaluation.code import digest
from longspan.evaluation.record import TASK_FACTS
from longspan.evaluation.task import Task, TaskError

FORMAT = 2
"""Of the run folder. The first kept no samples."""

_DEPENDED_ON = ("longspan", "torch", "transformers")
"""Versions that must be the same."""


class OtherRun(TaskError):
    """A folder holds a run of something else."""


def task_facts(task: Task, data: Path | None) -> dict[str, Any]:
    """What `run.json` keeps of a task whose data is looked for in the folder `data`: its facts, whose items it asks,
    and a digest of the code that makes and scores its samples."""
    facts = {fact: getattr(task, fact) for fact in TASK_FACTS}
    return {**facts, "origin": task.origin_of(data), "code": digest(type(task).__module__)[:16]}


def check_format(before: Mapping[str, Any], path: Path) -> None:
    """Raises OtherRun for a run whose samples were not kept, since nobody can tell if today's are the same."""
    lacking = {"versions", "asking", "tasks", "plans", "lengths", "timing"} - before.keys()
    if before.get("format") != FORMAT or lacking:
        raise OtherRun(
            f"{path} holds a run of another version of longspan, which did not keep what was asked; longspan report "
            "reads it, but to go on start anew with another out=..."
        )


def check_same(before: Mapping[str, Any], now: Mapping[str, Any], path: Path) -> None:
    """Raises OtherRun that names the first difference in what must stay as it was.

    now: as `run.json` will have it, possibly without the model, which is known late. What a run begun before does not
    say of how it asked was as it is by default.
    """
    check_format(before, path)
    for name in _DEPENDED_ON:
        then, here = before["versions"].get(name), now["versions"].get(name)
        if then != here:
            raise OtherRun(
                f"{path} holds a run of {name} {then}, this is {here}; choose another out=..., or go on with that one"
            )
    if "model" in now and "weights" in now["model"]:
        before = {**before, "model": {"weights": "expanded", **before.get("model", {})}}
        then, here = before["model"]["weights"], now["model"]["weights"]
        if then != here:
            raise _differs(path, "a run", "weights", then, here)
    for name in ("model", "seed", "haystack"):
        if name in now and before.get(name) != now[name]:
            raise _differs(path, "a run", name, before.get(name), now[name])
    began = {**Asking().describe(), **before["asking"]}
    for name, value in now["asking"].items():
        if began[name] != value:
            raise _differs(path, "a run", name, began[name], value)
    known = {task["name"]: task for task in before["tasks"]}
    for task in now["tasks"]:
        for fact, value in task.items():
            if task["name"] not in known or known[task["name"]].get(fact) == value:
                continue
            if fact == "code":
                raise OtherRun(
                    f"{path} holds answers to {task['name']} that were made and scored by other code than today's; "
                    f"choose another out=..., or have longspan eval rescore them first"
                )
            what = f"answers to {task['name']}"
            raise _differs(path, what, fact, known[task["name"]].get(fact), value)


def _differs(path: Path, what: str, name: str, before: Any, now: Any) -> OtherRun:
    return OtherRun(
        f"{path} holds {what} with {name}={before!r}, this one has {now!r}; choose another out=..."
    )
