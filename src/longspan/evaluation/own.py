"""A user's own task: questions in a JSONL file, and nothing to program."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from longspan.errors import DocumentError
from longspan.evaluation.choices import Choosing
from longspan.evaluation.metrics.amounts import amount
from longspan.evaluation.metrics.letters import letter
from longspan.evaluation.metrics.named import find_metric, metric_names
from longspan.evaluation.metrics.text import characters, normalise
from longspan.evaluation.origin import Origin
from longspan.evaluation.sample import Sample
from longspan.evaluation.source import Row, placed_rows
from longspan.evaluation.task import Level, Request, Task, TaskError
from longspan.registry import did_you_mean
from longspan.spans import Document

_NORMALISED: Mapping[str, tuple[Callable[[str], Sequence[str]], str]] = {
    "contains": (normalise, "every answer would have it"),
    "exact": (normalise, "an empty answer would be right"),
    "f1": (normalise, "no answer could be right"),
    "f1-characters": (characters, "no answer could be right"),
}
"""Metrics that compare normalised texts: how, and what comes of a reference of which nothing is left."""

HEADER = ("name", "metric", "max_new_tokens", "description")
FIELDS = ("question", "answer", "answers", "choices", "context", "file", "id", "prefix", "metric")


@dataclass(frozen=True, kw_only=True)
class Question:
    """A line of the file. place: where it stands; file: the document that is read before it, in place of a context."""

    place: str
    id: str
    question: str
    references: tuple[str, ...]
    context: str
    file: Path | None
    prefix: str
    metric: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class OwnTask(Task):
    """Questions of a user's own, each with a text to read, or none, and the answers that are right."""

    questions: tuple[Question, ...] = field(repr=False)

    max_new_tokens: int = 64
    diffusion: Level = "medium"
    scope: Level = "medium"
    paper: str = "questions of your own"
    link: str = ""
    licence: str = "your own"
    origin: Origin = "own"
    form: str = "the context or file, the question, then the prefix as the beginning of the answer"

    sized: ClassVar[bool] = False

    def samples(self, request: Request) -> Iterator[Sample]:
        """The questions in their order; a file is opened once. Raises TaskError for one that cannot be read."""
        texts: dict[Path, str] = {}
        for each in self.questions:
            if each.file is not None and each.file not in texts:
                texts[each.file] = _text(each.file, each.place)
            context = each.context if each.file is None else texts[each.file]
            yield Sample(
                id=each.id,
                context=context,
                question=f"\n\n{each.question}" if context else each.question,
                references=each.references,
                prefix=each.prefix,
                facts={"choices": list(each.choices)} if each.choices else {"metric": each.metric},
            )

    def clusters(self, request: Request) -> list[str]:
        """The file or the context of each question, else its id; no file is opened."""
        return [str(each.file or each.context or each.id) for each in self.questions]

    def numbered(self, request: Request, numbers: Sequence[int]) -> Iterator[Sample]:
        """The questions with these numbers; no other file is opened."""
        return replace(self, questions=tuple(self.questions[number] for number in numbers)).samples(request)

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """The score by the sample's own metric."""
        metric = find_metric(sample.facts["metric"])
        return {"score": metric.score(output, sample.references)}


@dataclass(frozen=True, kw_only=True)
class OwnChoices(OwnTask, Choosing):
    """Questions with choices, of which the model takes the one that it finds likeliest; it writes nothing."""

    max_new_tokens: int = 1
    metric: str = "acc: the likeliest choice is right; acc_norm: likewise by character"

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """acc and acc_norm; the score is acc."""
        return Choosing.score(self, output, sample)


def own_task(path: str | os.PathLike[str]) -> Task:
    """The task that a .jsonl file describes, or a .json file with a list: own/ and the file's name.

    Each line is an object with `question` and `answer` (a text) or `answers` (several), and, if wanted, `context`
    or `file` (a document, relative to this file), `id`, `prefix` (how the answer begins) and `metric`, or `choices`, of
    which the model takes one by likelihood. The first
    line may be `{"task": {...}}` with `name`, `metric` ("contains" by default), `max_new_tokens` and `description`.
    Raises TaskError that names the file and the line.
    """
    file = Path(path)
    rows = list(placed_rows(file))
    header: Row = {}
    if rows and "task" in rows[0][1]:
        place, row = rows.pop(0)
        header = _header(row, place)
    default = header.get("metric", "contains")
    questions = tuple(
        _question(row, place, file.parent, default, number) for number, (place, row) in enumerate(rows, 1)
    )
    if not questions:
        raise TaskError(f"{file} has no question; write one a line, with a question and an answer")
    places: dict[str, str] = {}
    for each in questions:
        if (first := places.setdefault(each.id, each.place)) != each.place:
            raise TaskError(f"{each.place}: id {each.id!r} stands in {first} too; give another")
    name = header.get("name", file.stem)
    chosen = [each for each in questions if each.choices]
    if chosen and len(chosen) < len(questions):
        other = next(each for each in questions if not each.choices)
        raise TaskError(
            f"{other.place}: no choices, but {chosen[0].place} has some; write them into files of their own"
        )
    if chosen:
        return OwnChoices(
            name=f"own/{name}",
            description=header.get("description", f"The questions in {file.name}."),
            source=file.name,
            questions=questions,
        )
    used = dict.fromkeys(each.metric for each in questions)
    return OwnTask(
        name=f"own/{name}",
        description=header.get("description", f"The questions in {file.name}."),
        metric="; ".join(f"{metric}: {find_metric(metric).words}" for metric in used),
        max_new_tokens=header.get("max_new_tokens", OwnTask.max_new_tokens),
        source=file.name,
        questions=questions,
    )


def _header(row: Row, place: str) -> Row:
    header = row["task"]
    if not isinstance(header, dict) or len(row) > 1:
        raise TaskError(
            f'{place}: "task" must be an object and stand alone; write {{"task": {{"metric": "f1"}}}}'
        )
    _check_names(header, HEADER, place)
    for name in ("name", "description"):
        if name in header:
            _text_of(header, name, place)
    if "metric" in header:
        _check_metric(header["metric"], place)
    tokens = header.get("max_new_tokens", 1)
    if not isinstance(tokens, int) or isinstance(tokens, bool) or tokens < 1:
        raise TaskError(f"{place}: max_new_tokens={tokens!r} must be a number of 1 or more; mend it")
    return header


def _question(row: Row, place: str, folder: Path, default: str, number: int) -> Question:
    _check_names(row, FIELDS, place)
    if "context" in row and "file" in row:
        raise TaskError(f"{place}: context and file cannot both be given; keep one")
    file = folder / _text_of(row, "file", place) if "file" in row else None
    if file is not None and not file.is_file():
        raise TaskError(f"{place}: there is no file {file}; mend file, which is relative to {folder}")
    metric = row.get("metric", default)
    _check_metric(metric, place)
    references = _references(row, place)
    choices = _choices(row, references, place)
    for reference in () if choices else references:
        left, outcome = _NORMALISED.get(metric, (str, ""))
        if not left(reference):
            raise TaskError(
                f"{place}: nothing of answer {reference!r} is left once normalised, without punctuation and the "
                f"articles a, an and the, so {outcome}; give it metric any, or choice for a letter"
            )
        if metric == "rouge-l" and not re.search("[a-z0-9]", reference.lower()):
            raise TaskError(
                f"{place}: rouge-l knows only words of a to z and digits, of which answer {reference!r} has none; "
                "give it metric contains, f1 or f1-characters"
            )
        if metric == "choice" and not letter(reference):
            raise TaskError(f"{place}: answer {reference!r} names no option; give a capital letter such as B")
        if metric == "number" and amount(reference) is None:
            raise TaskError(f"{place}: answer {reference!r} names no number; give one such as 12.5")
    return Question(
        place=place,
        id=str(row.get("id", f"{number:04d}")),
        question=_text_of(row, "question", place),
        references=references,
        context=_text_of(row, "context", place) if "context" in row else "",
        file=file,
        prefix=_text_of(row, "prefix", place) if "prefix" in row else "",
        metric=metric,
        choices=choices,
    )


def _choices(row: Row, references: tuple[str, ...], place: str) -> tuple[str, ...]:
    given: Any = row.get("choices", [])
    if not isinstance(given, list) or not all(isinstance(each, str) and each.strip() for each in given):
        raise TaskError(f"{place}: choices={given!r} is not a list of texts; mend it")
    if "choices" in row and "metric" in row:
        raise TaskError(f"{place}: choices are scored by what the model finds likeliest; leave out metric")
    if "choices" in row and (len(given) < 2 or not set(references) <= set(given)):
        raise TaskError(
            f"{place}: choices must be two or more, the answer among them; mend choices or answer"
        )
    return tuple(given)


def _references(row: Row, place: str) -> tuple[str, ...]:
    if ("answer" in row) == ("answers" in row):
        raise TaskError(
            f"{place}: it needs either answer, a text, or answers, a list of texts; give one of them"
        )
    given: Any = row.get("answer", row.get("answers"))
    texts = given if isinstance(given, list) else [given]
    if not texts or not all(isinstance(text, str) and text.strip() for text in texts):
        raise TaskError(f"{place}: answer={given!r} is not a text, nor a list of texts; mend it")
    return tuple(texts)


def _text_of(row: Row, name: str, place: str) -> str:
    if name not in row:
        raise TaskError(f"{place}: no {name}; give one")
    value = row[name]
    if not isinstance(value, str) or not value.strip():
        raise TaskError(f"{place}: {name}={value!r} is not a text; mend it")
    return value


def _check_names(row: Row, known: Sequence[str], place: str) -> None:
    for name in row:
        if name not in known:
            raise TaskError(
                f"{place}: unknown {name!r}{did_you_mean(name, known) or ';'} known: {', '.join(known)}"
            )


def _check_metric(metric: Any, place: str) -> None:
    if not isinstance(metric, str) or metric not in metric_names():
        raise TaskError(f"{place}: unknown metric {metric!r}; choose one of {', '.join(metric_names())}")


def _text(file: Path, place: str) -> str:
    try:
        return Document.open(file).text
    except DocumentError as error:
        raise TaskError(f"{place}: {error}") from error
