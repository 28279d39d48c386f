"""Which tasks there are: family/name leads to a task, its family imported only when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from types import ModuleType
from typing import Any

from longspan import brought
from longspan.evaluation.task import Task, TaskError
from longspan.registry import did_you_mean

GENERATED = (
    "ruler",
    "needle",
    "needlebench",
    "needle-threading",
    "needlechain",
    "nolima",
    "lost-in-the-middle",
    "longeval",
    "babilong",
    "ada-leval",
    "longbiobench",
    "hyper-multi-step",
    "longins",
    "liconbench",
    "longgenbench",
    "golden-thread",
    "longproc",
    "mecw",
    "perplexity",
)
"""Families whose samples are made here, at any length."""

FROM_DATA = (
    "longbench",
    "longbench-e",
    "longbench-v2",
    "longbench-pro",
    "l-eval",
    "infinitebench",
    "loogle",
    "lv-eval",
    "helmet",
    "many-shot",
    "marathon",
    "repoqa",
    "l-citeeval",
    "qmsum",
    "squality",
    "longbench-write",
    "financebench",
    "docfinqa",
    "memoryagentbench",
)
"""Families whose samples come from the hub or from local files."""

FAMILIES = GENERATED + FROM_DATA

RENAMED = {"helmet/recall-key-value": "helmet/recall-json-kv", "liconbench/invented": "liconbench/look-up"}
"""Names of earlier versions, which still lead to their task."""


def _family(family: str, found: Any) -> tuple[Task, ...]:
    """What a package announces as a family: a tuple of tasks, all named family/name."""
    if not isinstance(found, tuple) or not found or any(not _of(family, each) for each in found):
        raise ValueError(f"is not a tuple of tasks named {family}/...")
    return found


def _of(family: str, task: object) -> bool:
    return isinstance(task, Task) and task.family == family


BROUGHT = brought.Kind(
    group="longspan.tasks", what="tasks", own=lambda: FAMILIES, read=_family, error=TaskError
)
"""Families that packages bring, each announced by its name as a tuple of tasks."""


def tasks(family: str | None = None) -> tuple[Task, ...]:
    """The tasks of one family, or of all. Raises TaskError with the nearest name for an unknown family."""
    if family is None:
        own = [task for each in FAMILIES for task in tasks(each)]
        return (*own, *(task for each in BROUGHT.all().values() for task in each))
    if family not in FAMILIES:
        if family in BROUGHT.names:
            return BROUGHT.load(family)
        known = (*FAMILIES, *BROUGHT.names)
        raise TaskError(
            f"no family of tasks {family!r}{did_you_mean(family, known) or ';'} "
            "the list of longspan eval shows them all"
        )
    found: tuple[Task, ...] = module_of(family).TASKS
    return found


def module_of(family: str) -> ModuleType:
    """The module of one of FAMILIES, imported now: its TASKS, and its CREDITS where its paper is on the map."""
    return importlib.import_module(f"longspan.evaluation.tasks.{family.replace('-', '_')}")


def find(names: Iterable[str]) -> tuple[Task, ...]:
    """The tasks that names stand for, each once: a family, family/name, with * for any characters, or a .jsonl file.

    Raises TaskError for a name that stands for nothing.
    """
    found: dict[str, Task] = {}
    for name in names:
        found |= {task.name: task for task in _named(name)}
    return tuple(found.values())


def _named(name: str) -> Iterator[Task]:
    if name.endswith((".jsonl", ".json")):
        from longspan.evaluation.own import own_task

        yield own_task(name)
        return
    family, slash, _ = name.partition("/")
    name = RENAMED.get(name, name)
    known = tasks(family)
    matching = [task for task in known if not slash or fnmatchcase(task.name, name)]
    if not matching:
        names = [task.name for task in known]
        raise TaskError(
            f"no task {name!r}{did_you_mean(name, names) or ';'} {family} has "
            f"{', '.join(each.partition('/')[2] for each in names)}"
        )
    yield from matching
