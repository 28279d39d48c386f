"""Two runs or more in one report: other models, other versions, other settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from longspan.evaluation.kept import Place
from longspan.evaluation.record import Key, Record, RunFolder
from longspan.evaluation.report.answers import Answers, plan_name
from longspan.evaluation.task import TaskError


def together(folders: Sequence[RunFolder]) -> Answers:
    """The answers of several runs, each plan under its run's name.

    Samples of two runs are one only where they were the same, whatever examples came as turns before them: by what the
    runs kept of them, or, for runs that kept none, by references and facts. Others stand apart, so differences are
    taken where samples agree. Raises TaskError as `Answers.of`, and where two runs join the scores of a task in
    different ways.
    """
    if len(folders) == 1:
        return Answers.of(folders[0])
    each = [Answers.of(folder) for folder in folders]
    names = _names(folders, each)
    digests = [folder.samples.asked() for folder in folders]
    records: dict[Key, Record] = {}
    known: dict[tuple[Place, int], Any] = {}
    for name, answers, kept in zip(names, each, digests, strict=True):
        for record in answers.records.values():
            sample = _sample(record, kept, known)
            moved = replace(record, plan=f"{name}: {plan_name(record.plan)}", sample=sample)
            records[moved.key] = moved
    aggregates = dict(each[0].aggregates)
    for name, answers in zip(names, each, strict=True):
        for task, aggregate in answers.aggregates.items():
            if aggregates.setdefault(task, aggregate) != aggregate:
                raise TaskError(
                    f"{name} joins the scores of {task} in another way than {names[0]}; score both runs anew with "
                    "longspan eval"
                )
    tasks = {task["name"]: task for answers in each for task in answers.run.get("tasks", ())}
    run = {
        "model": {"name": " and ".join(names)},
        "tasks": list(tasks.values()),
        "versions": each[0].run.get("versions") or {},
    }
    return Answers(
        run=run,
        plans=tuple(
            f"{name}: {plan_name(plan)}"
            for name, answers in zip(names, each, strict=True)
            for plan in answers.plans
        ),
        tasks=tuple(dict.fromkeys(task for answers in each for task in answers.tasks)),
        aggregates=aggregates,
        lengths=_lengths(each),
        records=records,
        origins=_origins(each),
        notes=tuple(_notes(names, each)),
        parts=tuple(each),
        runs=tuple((name, answers.run) for name, answers in zip(names, each, strict=True)),
    )


def _sample(record: Record, kept: Mapping[Place, str], known: dict[tuple[Place, int], Any]) -> str:
    """The sample's id, with a number behind it where an earlier run asked another one under this id."""
    place = record.key[:3]
    mine = kept.get(place) or (record.references, repr(sorted(record.facts.items(), key=str)))
    number = 0
    while known.setdefault((place, number), mine) != mine:
        number += 1
    return record.sample if not number else f"{record.sample} (another, {number + 1})"


def _names(folders: Sequence[RunFolder], each: Sequence[Answers]) -> list[str]:
    """What tells the runs apart: their models, else their folders."""
    models = [str((answers.run.get("model") or {}).get("name") or "") for answers in each]
    short, whole = (
        [folder.path.resolve().name for folder in folders],
        [str(folder.path) for folder in folders],
    )
    for names in (models, short, whole):
        if len(set(names)) == len(names) and all(names):
            return names
    return [f"run {number}" for number, _ in enumerate(folders, 1)]


def _lengths(each: Sequence[Answers]) -> tuple[int | None, ...]:
    found = {length for answers in each for length in answers.lengths}
    known = sorted(length for length in found if length is not None)
    return (*known, None) if None in found else (*known,)


def _origins(each: Sequence[Answers]) -> dict[str, str]:
    """A task that is a stand-in in one of the runs is marked as one."""
    found: dict[str, str] = {}
    for answers in each:
        for task, origin in answers.origins.items():
            found[task] = "stand-in" if "stand-in" in (origin, found.get(task)) else origin
    return found


def _notes(names: Sequence[str], each: Sequence[Answers]) -> Iterator[str]:
    for name, answers in zip(names, each, strict=True):
        yield from (f"{name}: {note}" for note in answers.notes)
    code: dict[str, set[str | None]] = {}
    for answers in each:
        for task in answers.run.get("tasks", ()):
            code.setdefault(task["name"], set()).add(task.get("code"))
    unlike = [task for task, found in code.items() if len(found) > 1]
    if unlike:
        yield (
            f"Not made and scored by the same code in all runs that have them: {', '.join(unlike)}. "
            "Have longspan eval rescore them before you compare."
        )
    asking = [answers.run.get("asking") for answers in each]
    if any(found != asking[0] for found in asking):
        yield "The runs were not asked in the same way; what each was made with stands below."
