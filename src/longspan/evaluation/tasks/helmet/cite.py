"""HELMET's answers with citations: ASQA and QAMPARI as in ALCE (https://arxiv.org/abs/2305.14627)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any, ClassVar

from longspan.evaluation.metrics.citations import (
    Entails,
    citation_scores,
    shares_words,
    statements,
    without_citations,
)
from longspan.evaluation.metrics.text import best, contains, normalise
from longspan.evaluation.published import Published
from longspan.evaluation.sample import Sample
from longspan.evaluation.source import Row, Source
from longspan.evaluation.task import Level, Request
from longspan.evaluation.tasks.helmet.drawing import SHOTS
from longspan.evaluation.tasks.helmet.paper import ARCHIVE, LENGTHS, LINK, PAPER, archived, prompts
from longspan.evaluation.tasks.passages import numbered, passages_of

_LEFT_OUT = (
    "shared words stand for entailment, which the paper lets a model judge; fluency (MAUVE) is left out, so the "
    "figures are not those of the paper"
)
_GAP = "\n\n\n"


@dataclass(frozen=True, kw_only=True)
class Cite(Published):
    """A question, and passages to be cited by number, after two worked examples with five passages each.

    documents: how many passages. shown: the paper's file with the examples, of which two are drawn for each question.
    entails: whether a passage supports a claim, by default judged by shared words.

    Facts: `answers`, for each thing that is asked its names, and `passages`, their places in the context.
    """

    documents: int
    shown: Source
    entails: Entails = shares_words

    max_new_tokens: int = 300
    diffusion: Level = "medium"
    scope: Level = "medium"
    paper: str = PAPER
    link: str = LINK
    source: str = ARCHIVE
    unlike: str = "fluency is left out, and shared words stand for the judge of entailment"
    licence: str = "MIT (ALCE); CC BY-SA (Wikipedia text)"
    form: str = "two worked examples, then instruction, question, passages, in the user's words"

    before_answer: ClassVar[str] = "\n\n"
    """What stands between the passages of an example and its answer."""

    @property
    @abstractmethod
    def instruction(self) -> str:
        """What stands before the question."""

    @abstractmethod
    def answers(self, row: Row) -> list[list[str]]:
        """For each thing that is asked, its names."""

    @abstractmethod
    def correct(self, output: str, answers: Sequence[Sequence[str]]) -> float:
        """The share of the answers that the output, without citations, has."""

    @abstractmethod
    def stated(self, output: str, question: str) -> list[str]:
        """The statements of the output, with their citations."""

    def samples(self, request: Request) -> Iterator[Sample]:
        """The questions in the order of the data. Raises TaskError where data is absent or has another layout."""
        shown = [
            example
            for number, row in enumerate(self.shown.rows(request.data, self.name))
            for example in self.checked(number, partial(self._examples, row))
        ]
        for number, row in enumerate(self.data.rows(request.data, self.name)):
            yield from self.checked(number, partial(self._after, shown, row, number))

    def read(self, row: Row, number: int) -> Iterator[Sample]:
        """The question without examples."""
        return self._after((), row, number)

    def _examples(self, row: Row) -> list[str]:
        return [
            self._opened(each)
            + "\n\n".join(head + text for head, text in _passages(each["docs"]))
            + f"{self.before_answer}Answer: {each['answer']}{_GAP}"
            for each in row["demos"]
        ]

    def _after(self, shown: Sequence[str], row: Row, number: int) -> Iterator[Sample]:
        """One sample a question, with the best passages that were retrieved for it."""
        chosen = Random(f"{self.name}/{row['question']}").sample(shown, min(SHOTS, len(shown)))  # noqa: S311
        documents: list[dict[str, Any]] = row["docs"][: self.documents]
        context, places = numbered(_passages(documents), before=f"{''.join(chosen)}{self._opened(row)}")
        answers = self.answers(row)
        yield Sample(
            id=f"{number:04d}",
            context=context,
            question="",
            references=tuple(names[0] for names in answers),
            document=row["question"],
            facts={
                "answers": answers,
                "passages": places,
                "titles": [each["title"] for each in documents],
                "question": row["question"],
            },
        )

    def _opened(self, row: Row) -> str:
        return f"Instruction: {self.instruction}\n\nQuestion: {row['question']}\n\n"

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """The mean of `correct`, citation `recall` and `precision`, as the paper averages them."""
        said = " ".join(output.split())
        correct = self.correct(without_citations(said), sample.facts["answers"])
        found = citation_scores(self.stated(said, sample.facts["question"]), _titled(sample), self.entails)
        return {
            "score": (correct + found["recall"] + found["precision"]) / 3,
            "correct": correct,
            "recall": found["recall"],
            "precision": found["precision"],
        }


@dataclass(frozen=True, kw_only=True)
class Asqa(Cite):
    """Ambiguous questions, whose long answer has a short one for each meaning."""

    metric: str = (
        f"mean of the share of short answers that are there, citation recall and precision; {_LEFT_OUT}"
    )

    @property
    def instruction(self) -> str:
        """What stands before the question."""
        return (
            "Write an accurate, engaging, and concise answer for the given question using only the provided search "
            "results (some of which might be irrelevant) and cite them properly. Use an unbiased and journalistic "
            "tone. Always cite for any factual claim. When citing a document, surround its ID with square brackets, "
            "such as [x] to cite document x. To cite multiple documents, simply concatenate the citation markers; for "
            "example, use [x][y][z] to cite the documents with ID x, y, and z. Cite at least one document and at most "
            "three documents in each sentence. If multiple documents support the sentence, only cite a minimum "
            "sufficient subset of the documents."
        )

    def answers(self, row: Row) -> list[list[str]]:
        """The short answers to each meaning."""
        return [list(pair["short_answers"]) for pair in row["qa_pairs"]]

    def correct(self, output: str, answers: Sequence[Sequence[str]]) -> float:
        """The share of meanings one of whose short answers is in the output."""
        return sum(best(contains, output, names) for names in answers) / len(answers)

    def stated(self, output: str, question: str) -> list[str]:
        """The sentences."""
        return statements(output)


@dataclass(frozen=True, kw_only=True)
class Qampari(Cite):
    """Questions with many answers, which are listed with commas between them."""

    before_answer: ClassVar[str] = "\n"

    metric: str = (
        f"mean of recall of the answers (five are enough), citation recall and precision; {_LEFT_OUT}"
    )

    @property
    def instruction(self) -> str:
        """What stands before the question."""
        return (
            "Provide a list of accurate answers for the given question using only the provided search results (some of "
            "which might be irrelevant) and cite them properly. Always cite one and only one document for each answer. "
            "When citing a document, surround its ID with square brackets, such as [x] to cite document x. Separate "
            "answers by commas. For questions that have more than 5 answers, write at least 5 answers."
        )

    def answers(self, row: Row) -> list[list[str]]:
        """The names of each answer."""
        return [list(names) for names in row["answers"]]

    def correct(self, output: str, answers: Sequence[Sequence[str]]) -> float:
        """Recall of the answers, where five count as all."""
        listed = {normalise(item) for item in _items(output)} - {""}
        hits = sum(any(normalise(name) in listed for name in names) for names in answers)
        return min(5, hits) / min(5, len(answers))

    def stated(self, output: str, question: str) -> list[str]:
        """Each item after the question, empty ones as well."""
        return [f"{question} {item}" for item in _items(output)]


def _items(output: str) -> list[str]:
    return [item.strip() for item in output.rstrip().rstrip(".").rstrip(",").split(",")]


def _passages(documents: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """What stands before each passage, and the passage."""
    for number, each in enumerate(documents, 1):
        yield f"Document [{number}](Title: {each['title']}): ", each["text"]


def _titled(sample: Sample) -> list[str]:
    """The passages as they are judged."""
    pairs = zip(sample.facts["titles"], passages_of(sample), strict=True)
    return [f"Title: {title}\n{text}" for title, text in pairs]


_DOCUMENTS = dict(zip(LENGTHS, (30, 75, 165, 345, 700), strict=True))

TASKS = tuple(
    task(
        name=f"helmet/cite-{task.__name__.lower()}-{length}",
        description=f"Answer {what} from {documents} passages, and cite them.",
        documents=documents,
        data=archived(f"alce/{task.__name__.lower()}_eval_gtr_top2000.json"),
        shown=prompts(f"{task.__name__.lower()}_revised.json"),
    )
    for task, what in ((Asqa, "an ambiguous question"), (Qampari, "a question that has many answers"))
    for length, documents in _DOCUMENTS.items()
)
