"""The samples that a report shows: those on which the plans differ most."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from longspan.evaluation.record import Record
from longspan.evaluation.report.answers import Answers

MAX_RECORDS = 300
MAX_CHARACTERS = 1_500
"""Of an output, a reference or the facts."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """One sample with what each plan answered; records in the order of plans."""

    records: tuple[Record, ...]

    @property
    def task(self) -> str:
        """The task that it belongs to."""
        return self.records[0].task

    @property
    def length(self) -> int | None:
        """The length that was asked for."""
        return self.records[0].length

    @property
    def sample(self) -> str:
        """Its id."""
        return self.records[0].sample

    @property
    def spread(self) -> float:
        """How far the scores of the plans lie apart."""
        scores = [record.score for record in self.records if record.status == "scored"]
        return max(scores) - min(scores) if scores else -1.0

    @property
    def facts(self) -> str:
        """What the task noted about the sample, nothing if it noted nothing."""
        facts = self.records[0].facts
        return json.dumps(facts, ensure_ascii=False, default=str) if facts else ""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """The questions to show, and how many answers of the run are left out."""

    questions: tuple[Question, ...]
    left_out: int


def shown(answers: Answers, limit: int = MAX_RECORDS) -> Shown:
    """At most `limit` answers, as whole questions, from all tasks in turn."""
    taken: list[Question] = []
    room = limit
    for question in _in_turn(answers):
        if len(question.records) > room:
            break
        taken.append(question)
        room -= len(question.records)
    place = {cell: number for number, cell in enumerate(_cells(answers))}
    taken.sort(key=lambda question: place[question.task, question.length])
    return Shown(questions=tuple(taken), left_out=len(answers.records) - (limit - room))


def cut(text: str, limit: int = MAX_CHARACTERS) -> tuple[str, int]:
    """The beginning of a text, and how many characters follow it."""
    return text[:limit], max(0, len(text) - limit)


def _cells(answers: Answers) -> list[tuple[str, int | None]]:
    return [(task, length) for length in answers.lengths for task in answers.tasks_at(length)]


def _in_turn(answers: Answers) -> Iterator[Question]:
    """One question of each task and length, then the next of each; those with the largest spread first."""
    queues = []
    for task, length in _cells(answers):
        found: dict[str, list[Record]] = {}
        for plan in answers.plans:
            for sample, record in answers.given(plan, task, length).items():
                found.setdefault(sample, []).append(record)
        questions = [Question(records=tuple(records)) for records in found.values()]
        queues.append(sorted(questions, key=lambda each: (-each.spread, each.sample)))
    for turn in zip_longest(*queues):
        yield from (question for question in turn if question is not None)
