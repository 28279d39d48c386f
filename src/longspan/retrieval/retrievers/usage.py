"""Passages by the questions that they answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from longspan.parameters import check_whole
from longspan.registry import Card
from longspan.retrieval.contexts import questions
from longspan.retrieval.judge import Judge
from longspan.retrieval.retrievers.base import Rows, Said
from longspan.retrieval.retrievers.dense import Dense, RowIndex
from longspan.spans import Span

CARD = Card(
    name="usage",
    target="longspan.retrieval.retrievers.usage:Usage",
    paper="Efficient and Scalable Estimation of Tool Representations in Vector Space",
    link="https://arxiv.org/abs/2409.02141",
    year=2024,
    training=False,
    changes="Finds a passage by the mean vector of questions that it answers, instead of by its own.",
    field=(75,),
    missing="ToolRefiner and the classifier over all tools are trained, and are not here.",
)


@dataclass(frozen=True, kw_only=True)
class Usage(Dense):
    """Tool2Vec: the vector of a tool is the mean of requests that use it. https://arxiv.org/abs/2409.02141

    Here tools are passages as well, and requests the questions that they answer: those that a model is asked for,
    or one's own, given as `said`.
    """

    asks: ClassVar[bool] = True

    count: int = 5
    """How many questions a model is asked for; the paper's tools have as many requests or more."""

    def __post_init__(self) -> None:
        check_whole("count", self.count, 1, 20)

    @property
    def identity(self) -> str:
        """That of the embedder, used so."""
        return f"usage {self.count} {self.embedder.identity}"

    def say(self, spans: Sequence[Span], judge: Judge) -> Said:
        """The questions that a model says spans answer."""
        return questions(spans, judge, self.count)

    def index(
        self, spans: Sequence[Span], *, said: Said | None = None, encoded: Sequence[Rows] | None = None
    ) -> RowIndex:
        """An index by questions. Raises ValueError without any, as there is nothing to find a passage by."""
        if said is None and encoded is None:
            raise ValueError("said is not given; usage finds spans by the questions that they answer")
        return Dense.index(self, spans, said=said, encoded=encoded)
