"""A question that one of many documents answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from random import Random
from typing import Any

from longspan.evaluation.metrics.text import normalise
from longspan.evaluation.origin import Origin
from longspan.evaluation.published import Published
from longspan.evaluation.sample import Sample
from longspan.evaluation.source import Row, read_rows
from longspan.evaluation.task import Generated, Request, TaskError
from longspan.evaluation.tasks.invented import names
from longspan.evaluation.tasks.lost_in_the_middle.middle import Middle, depth

NATURAL_QUESTIONS = "lost_in_the_middle/qa_data/nq-open-oracle.jsonl.gz"
"""Where the paper's questions lie in the folder of local data, named as in the paper's repository."""


@dataclass(frozen=True, kw_only=True)
class Document:
    """A passage with its title."""

    title: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A question, its gold answers, the passage that has them, and passages that do not, endlessly many."""

    question: str
    answers: tuple[str, ...]
    gold: Document
    distractors: Callable[[], Iterator[Document]]


@dataclass(frozen=True, kw_only=True)
class MultiDocument(Middle, Generated):
    """A question that one of many documents answers: Natural Questions from local data, else invented ones.

    Documents without the answer belong to other questions; the paper's were found by a search for the question itself.
    """

    origin: Origin = "stand-in"
    unlike: str = (
        "distractors belong to other questions; those found by a search are in the tasks 10-, 20- and "
        "30-documents"
    )

    def asks(self, sample: Sample) -> str:
        """The question, whatever it is asked of."""
        return sample.question

    def make(self, random: Random, index: int, request: Request) -> Sample:
        """The documents and the question; facts: `depth`, `gold_index`, `documents`, and `data` they come from."""
        place = depth(index)
        file = request.data / NATURAL_QUESTIONS if request.data is not None else None
        local = file is not None and file.is_file()
        problem = _natural(random, file) if file is not None and local else _invented(random.getrandbits(64))

        def build(distractors: int) -> Sample:
            documents = list(islice(problem.distractors(), distractors))
            gold = round(place * distractors)
            documents.insert(gold, problem.gold)
            data = "natural-questions" if local else "invented"
            facts = {"depth": place, "gold_index": gold, "documents": len(documents), "data": data}
            return _sample("", documents, problem.question, problem.answers, facts)

        return self.largest(build, request)


@dataclass(frozen=True, kw_only=True)
class PublishedDocuments(Middle, Published):
    """The questions of a file of the paper with the passages that a search found for each; the gold one stands at the
    file's place. Facts: `depth`, `gold_index`, `documents`."""

    origin: Origin = "published"

    def read(self, row: Row, number: int) -> Iterable[Sample]:
        """One sample a row."""
        documents = [Document(title=each["title"], text=each["text"]) for each in row["ctxs"]]
        gold = next(place for place, each in enumerate(row["ctxs"]) if each["isgold"])
        answers = tuple(answer for answer in row["answers"] if normalise(answer))
        facts = {"depth": gold / (len(documents) - 1), "gold_index": gold, "documents": len(documents)}
        yield _sample(f"{number:04d}", documents, row["question"], answers, facts)


def _sample(
    name: str,
    documents: Sequence[Document],
    question: str,
    answers: tuple[str, ...],
    facts: Mapping[str, Any],
) -> Sample:
    listed = "\n".join(
        f"Document [{number}](Title: {document.title}) {document.text}"
        for number, document in enumerate(documents, 1)
    )
    return Sample(
        id=name,
        context="Write a high-quality answer for the given question using only the provided search results (some of "
        f"which might be irrelevant).\n\n{listed}\n\n",
        question=f"Question: {question}\n",
        prefix="Answer:",
        references=answers,
        facts=facts,
    )


def _natural(random: Random, file: Path) -> Problem:
    """A question of the file; distractors are the passages of others that have no answer to it, again and again."""
    rows = [_row(row, f"{file} line {number}") for number, row in enumerate(read_rows(file), 1)]
    (question, answers, gold), *others = random.sample(rows, len(rows))
    wanted = [normalise(answer) for answer in answers]
    silent = [
        document
        for *_, document in others
        if not any(answer in normalise(document.text) for answer in wanted)
    ]
    if not silent:
        raise TaskError(f"{file} has no passage without an answer to {question!r}; fetch the file anew")
    return Problem(question=question, answers=answers, gold=gold, distractors=lambda: cycle(silent))


def _row(row: Row, where: str) -> tuple[str, tuple[str, ...], Document]:
    """Question, answers and passage; an answer of punctuation alone, which every text would contain, is left out."""
    try:
        passage = row["ctxs"][0]
        answers = tuple(answer for answer in row["answers"] if normalise(answer))
        return row["question"], answers, Document(title=passage["title"], text=passage["text"])
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise TaskError(
            f"{where} is no question with answers and ctxs ({error!r}); fetch the file anew"
        ) from error


_KINDS = (
    "Lighthouse",
    "Museum",
    "Bridge",
    "Observatory",
    "Library",
    "Theatre",
    "Watermill",
    "Orchard",
    "Tower",
)
_TREASURES = (
    "a clock that runs backwards",
    "the oldest map of the coast",
    "a staircase without nails",
    "a garden of two hundred roses",
    "its collection of brass bells",
    "a wall painted by schoolchildren",
    "the echo in its main hall",
    "a lamp that has never gone out",
)
_MONTHS = ("March", "April", "May", "September", "October", "November")


def _invented(seed: int) -> Problem:
    """A question about an invented place among others of the kind."""

    def places() -> Iterator[tuple[Document, str, str]]:
        random = Random(seed)  # noqa: S311
        invented = names(random)
        while True:
            yield _place(random, invented)

    gold, question, answer = next(places())
    return Problem(
        question=question,
        answers=(answer,),
        gold=gold,
        distractors=lambda: (document for document, *_ in islice(places(), 1, None)),
    )


def _place(random: Random, invented: Iterator[str]) -> tuple[Document, str, str]:
    """A document about an invented place, a question about the place, and the answer."""
    title = f"{next(invented)} {random.choice(_KINDS)}"
    town = next(invented)
    founder, architect = (f"{next(invented)} {next(invented)}" for _ in range(2))
    opens, closes = (_MONTHS[month] for month in sorted(random.sample(range(len(_MONTHS)), 2)))
    text = (
        f"The {title} stands at the edge of {town}. It was founded in {random.randrange(1650, 1980)} by {founder}, "
        f"and the plans were drawn by {architect}. It is best known for {random.choice(_TREASURES)}. "
        f"Visitors are let in from {opens} to {closes}, and about {random.randrange(2, 90)} thousand come every year."
    )
    question, answer = random.choice(
        (
            (f"who founded the {title}", founder),
            (f"who drew the plans of the {title}", architect),
            (f"at the edge of which town does the {title} stand", town),
        )
    )
    return Document(title=title, text=text), question, answer
