"""Which tasks there are: family/name leads to a task, its family imported only when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from functools import cache
from importlib.metadata import EntryPoint, entry_points

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

ENTRY_POINTS = "longspan.tasks"
"""The group in which a package announces a family by its name: an object reference to a tuple of tasks."""


def tasks(family: str | None = None) -> tuple[Task, ...]:
    """The tasks of one family, or of all. Raises TaskError with the nearest name for an unknown family."""
    if family is None:
        return tuple(task for each in (*FAMILIES, *_installed()) for task in tasks(each))
    if family in _installed() and family not in FAMILIES:
        return _brought(family)
    if family not in FAMILIES:
        known = (*FAMILIES, *_installed())
        raise TaskError(
            f"no family of tasks {family!r}{did_you_mean(family, known) or ';'} "
            "longspan eval --list shows them all"
        )
    module = importlib.import_module(f"longspan.evaluation.tasks.{family.replace('-', '_')}")
    found: tuple[Task, ...] = module.TASKS
    return found


@cache
def _installed() -> dict[str, EntryPoint]:
    """The families that installed packages announce; read once, not loaded. Ours cannot be replaced."""
    return {each.name: each for each in entry_points(group=ENTRY_POINTS) if each.name not in FAMILIES}


def _brought(family: str) -> tuple[Task, ...]:
    """The tasks that a package brings: a tuple of them, all named family/name."""
    entry = _installed()[family]
    try:
        found = tuple(entry.load())
    except Exception as error:  # a package of others can fail in any way
        raise TaskError(
            f"tasks {family} of {entry.value} cannot be loaded ({type(error).__name__}: {error}); mend or remove the "
            "package"
        ) from error
    wrong = [each for each in found if not isinstance(each, Task) or each.family != family]
    if wrong or not found:
        raise TaskError(
            f"tasks {family} of {entry.value} is not a tuple of tasks named {family}/...; mend or remove the package"
        )
    return found


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
