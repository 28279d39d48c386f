"""Questions on one or two of many documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from random import Random
from typing import Literal

from longspan.evaluation.metrics.ruler import any_matched
from longspan.evaluation.origin import Origin
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Request
from longspan.evaluation.tasks.endless import Endless
from longspan.evaluation.tasks.ruler.encyclopaedia import Encyclopaedia
from longspan.evaluation.tasks.ruler.family import Ruler
from longspan.evaluation.tasks.ruler.published import HOTPOTQA, SQUAD, Collection, found, hotpotqa, squad

_INSTRUCTION = (
    "Answer the question based on the given documents. "
    "Only give me the answer and do not output any other words."
)


@dataclass(frozen=True)
class Quiz:
    """A question, its gold answers, the documents that it cannot do without, and as many others as are wanted."""

    question: str
    answers: tuple[str, ...]
    documents: list[str]
    others: Callable[[int], list[str]]


@dataclass(frozen=True, kw_only=True)
class Questions(Ruler):
    """Questions on documents as in RULER.

    hops: 1 takes a local file of SQuAD or XQuAD, 2 one of HotpotQA (see `published`); without a folder of local data
    that has it, documents are generated articles on invented subjects, and 2 hops need two of them. Facts: `source`,
    the file's name or "generated"; `documents`, how many there are; `depth`, where the (first) needed one stands.
    """

    max_new_tokens: int = 32
    form: str = (
        "instruction, numbered documents, instruction, question; the answer begins after the word Answer"
    )
    metric: str = "1 if any reference is a substring of the output, in any case"
    hops: Literal[1, 2] = 1
    origin: Origin = "stand-in"
    unlike: str = (
        "invented articles, or XQuAD's for one hop, where the data folder has neither squad/ nor hotpotqa/"
    )

    def __post_init__(self) -> None:
        if self.hops not in (1, 2):
            raise ValueError(f"hops={self.hops} is outside 1 .. 2; choose one of these")

    def origin_of(self, data: Path | None) -> Origin:
        """By the benchmark's rules from its own data sets; XQuAD, a fifth of the paragraphs, is a stand-in."""
        path = self._file(data)
        return self.origin if path is None or path.parent.name == "xquad_en" else "generated"

    def _file(self, data: Path | None) -> Path | None:
        return found(data, SQUAD if self.hops == 1 else HOTPOTQA)

    def asks(self, sample: Sample) -> str:
        """The question, whatever it is asked of."""
        return sample.question

    def make(self, random: Random, index: int, request: Request) -> Sample:
        """The documents in random order."""
        path = self._file(request.data)
        order = Endless(random, Random.random)
        quiz = (
            _generated(self.hops, random)
            if path is None
            else _drawn(squad(path) if self.hops == 1 else hotpotqa(path), random, index, request.seed)
        )

        def build(count: int) -> Sample:
            documents = [*quiz.documents, *quiz.others(count - len(quiz.documents))]
            ranks = order.first(count)
            places = sorted(range(count), key=ranks.__getitem__)
            text = "\n\n".join(f"Document {n}:\n{documents[place]}" for n, place in enumerate(places, 1))
            return Sample(
                id="",
                context=f"{_INSTRUCTION}\n\nThe following are given documents.\n\n{text}\n\n",
                question=f"{_INSTRUCTION}\n\nQuestion: {quiz.question}",
                prefix=" Answer:",
                references=quiz.answers,
                facts={
                    "source": path.name if path else "generated",
                    "documents": count,
                    "depth": places.index(0) / max(count - 1, 1),
                },
            )

        return self.largest(build, request, fewest=len(quiz.documents))

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """1 if the output has any of the references."""
        return {"score": any_matched(output, sample.references)}


def _generated(hops: int, random: Random) -> Quiz:
    world = Encyclopaedia(random)
    first = world.article()
    if hops == 1:
        question, answer = world.question(first)
        needed = [first]
    else:
        question, answer, second = world.further_question(first)
        needed = [first, second]
    others = Endless(random, lambda _: world.article().text)
    return Quiz(question, (answer,), [article.text for article in needed], others.first)


def _drawn(collection: Collection, random: Random, index: int, seed: int) -> Quiz:
    """Question number `index` in an order that the seed gives; the others are repeated if there are too few."""
    questions, documents = collection.questions, collection.documents
    turn = Random(seed).sample(range(len(questions)), len(questions))  # noqa: S311
    question = questions[turn[index % len(turn)]]
    taken = {*question.documents, *question.related}
    rest = [number for number in range(len(documents)) if number not in taken]
    others = [
        *random.sample(question.related, len(question.related)),
        *random.sample(rest, len(rest)),
    ]
    return Quiz(
        question.text,
        question.answers,
        [documents[number] for number in question.documents],
        lambda count: [documents[number] for number in islice(cycle(others), count)],
    )
