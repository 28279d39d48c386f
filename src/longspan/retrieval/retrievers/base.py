"""The contract of a retriever: spans become an index, a query the spans that speak of it, best first."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from longspan.parameters import check_whole
from longspan.progress import Watcher
from longspan.retrieval.judge import Judge
from longspan.spans import Span

Said: TypeAlias = Sequence[Sequence[str]]
"""For each span the texts that stand for it in an index; what is found and cited is the span alone."""

Rows: TypeAlias = NDArray[np.float32]
"""What is computed of a span once, `[rows, dimensions]`."""


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A span that speaks of a query. score: the larger, the better, in the retriever's own measure."""

    span: Span
    score: float


@dataclass(frozen=True, kw_only=True)
class Index(ABC):
    """Spans that can be searched."""

    spans: tuple[Span, ...]

    @abstractmethod
    def ranked(self, query: str) -> list[tuple[int, float]]:
        """The numbers of the spans that speak of a query with their scores, best first, equals in their order.

        Spans that the retriever takes for silent are left out: those that share no word, where words decide.
        """

    def search(self, query: str, k: int = 10) -> list[Hit]:
        """The best k spans at most, best first; fewer, or none, where fewer speak of the query."""
        check_whole("k", k, 1)
        return [Hit(span=self.spans[number], score=score) for number, score in self.ranked(query)[:k]]


@dataclass(frozen=True, kw_only=True)
class Retriever(ABC):
    """Base of all retrievers, a method whose parameters are fields.

    alone: whether what `encode` computes of a span depends on its texts alone, and not on what stands around it. asks:
    whether it finds nothing until a model has said something of the spans.
    """

    alone: ClassVar[bool] = True
    asks: ClassVar[bool] = False

    @property
    def identity(self) -> str:
        """Stands for all that `encode` depends on besides the spans; empty where it computes nothing."""
        return ""

    def say(self, spans: Sequence[Span], judge: Judge) -> Said | None:
        """What a model says of spans, to stand for them in the index; None for retrievers that ask none."""
        return None

    def encode(
        self, spans: Sequence[Span], said: Said | None = None, progress: Watcher | None = None
    ) -> list[Rows]:
        """What is computed of each span once, so that it can be kept; rows of no length where there is nothing.

        progress: told how many texts are done.
        """
        return [np.zeros((0, 0), np.float32) for _ in spans]

    @abstractmethod
    def index(
        self, spans: Sequence[Span], *, said: Said | None = None, encoded: Sequence[Rows] | None = None
    ) -> Index:
        """An index of spans.

        said: texts that are searched in place of a span's own, such as itself behind a sentence on where it stands, or
        questions that it answers. encoded: what `encode` gave for the same spans, where it was kept.
        """


def texts_of(spans: Sequence[Span], said: Said | None) -> list[tuple[str, ...]]:
    """For each span what stands for it: at least one text. Raises ValueError where said is not about these spans."""
    if said is None:
        return [(span.text,) for span in spans]
    if len(said) != len(spans):
        raise ValueError(f"said has {len(said)} entries for {len(spans)} spans; give one a span")
    return [tuple(texts) or (span.text,) for span, texts in zip(spans, said, strict=True)]


def best_first(scores: Sequence[float] | Rows, above: float = -np.inf) -> list[tuple[int, float]]:
    """The numbers of scores above a bound with the scores, the largest first and equals in their order."""
    held = np.asarray(scores, dtype=np.float64)
    order = np.argsort(-held, kind="stable")
    return [(int(each), float(held[each])) for each in order if held[each] > above]
