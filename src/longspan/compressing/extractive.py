"""Sentences that speak of the question stay; without a question those that say most of the whole."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from longspan.compressing.base import Compressor, Task
from longspan.parameters import check_choice, check_whole
from longspan.registry import Card
from longspan.retrieval.rerankers.base import Reranker
from longspan.retrieval.retrievers.base import Retriever
from longspan.retrieval.retrievers.bm25 import Bm25
from longspan.spans import Span, content_words, passages, sentences

CARD = Card(
    name="extractive",
    target="longspan.compressing.extractive:Extractive",
    paper="Characterizing Prompt Compression Methods for Long Context Inference",
    link="https://arxiv.org/abs/2407.08892",
    year=2024,
    training=False,
    changes="Keeps whole sentences or passages, those that speak most of the question first.",
    field=(39,),
    missing="Of the kinds of methods that the paper compares, summaries are those of longspan summarize, and its "
    "trained reranker gives way to any retriever or reranker of longspan.",
)

Unit = Literal["sentence", "passage"]


@dataclass(frozen=True, kw_only=True)
class Extractive(Compressor):
    """Extractive compression, the strongest kind in https://arxiv.org/abs/2407.08892.

    A retriever finds the units that speak of the question, and a reranker may put the best of them in another order.
    Deviations: by default words decide and no trained reranker; units that do not speak of the question, and all of
    them where there is none, follow by how much of what the texts say they share: the cosine of their words, weighted
    by how rare they are, with those of all units together.
    """

    unit: Unit = "sentence"
    """What stays or goes as a whole: a sentence, or a passage, which suits code and tables."""

    passage: int = 128
    """Tokens of a passage at most."""

    neighbours: int = 0
    """How many units on either side of one that speaks of the question are wanted next."""

    retriever: Retriever = field(default_factory=Bm25, metadata={"room": "retriever"})
    """How units that speak of the question are found."""

    reranker: Reranker | None = field(default=None, metadata={"room": "reranker"})
    """How the model puts those that were found in another order; none leaves it."""

    reranked: int = 100
    """How many units it is shown at most."""

    def __post_init__(self) -> None:
        check_choice("unit", self.unit, get_args(Unit))
        check_whole("passage", self.passage, 8)
        check_whole("neighbours", self.neighbours, 0)
        check_whole("reranked", self.reranked, 2)

    def ranked(self, task: Task) -> list[Span]:
        """Units that speak of the question, then the others."""
        units = [
            unit
            for document in task.documents
            for unit in (
                sentences(document)
                if self.unit == "sentence"
                else passages(document, self.passage, task.count)
            )
            if unit.text.strip()
        ]
        best = self._speaking(units, task) if task.question else []
        rest = central([unit.text for unit in units])
        return [units[number] for number in dict.fromkeys([*best, *rest])]

    def _speaking(self, units: Sequence[Span], task: Task) -> list[int]:
        said = self.retriever.say(units, task.judge)
        best = [number for number, _ in self.retriever.index(units, said=said).ranked(task.question)]
        if self.reranker is not None and len(best) > 1:
            some = best[: self.reranked]
            order = self.reranker.rank(task.question, [units[number] for number in some], task.judge)
            best = [*(some[place] for place in order), *best[self.reranked :]]
        around = (
            near
            for number in best
            for distance in range(self.neighbours + 1)
            for near in (number - distance, number + distance)
            if 0 <= near < len(units) and units[near].document is units[number].document
        )
        return list(dict.fromkeys(around))


def central(texts: Sequence[str]) -> list[int]:
    """The numbers of texts, those first whose words are most like those of all together, equals in their order."""
    held = [Counter(content_words(text)) for text in texts]
    spread = Counter(word for words in held for word in words)
    rare = {word: math.log(1 + len(texts) / count) for word, count in spread.items()}
    whole = {word: count * rare[word] for word, count in spread.items()}
    scores = []
    for words in held:
        length = math.sqrt(sum(rare[word] ** 2 for word in words))
        shared = sum(rare[word] * whole[word] for word in words)
        scores.append(shared / length if length else 0.0)
    return sorted(range(len(texts)), key=lambda number: -scores[number])
