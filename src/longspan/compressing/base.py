"""The contract of a compressor: of texts, the parts that are to stay, the most wanted first."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from longspan.retrieval.judge import Judge
from longspan.spans import Document, Span


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is to become shorter.

    documents: different ones, each with text. question: what it will be read for, empty where nobody knows. budget:
    tokens that may stay, of all documents together; total: tokens that there are. count: tokens of a text. judge: the
    model that is asked, or looked into.
    """

    documents: tuple[Document, ...]
    question: str
    budget: int
    total: int
    count: Callable[[str], int] = field(repr=False)
    judge: Judge = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Compressor(ABC):
    """Base of all compressors, a method whose parameters are fields, such as `extractive(unit=passage)`.

    It only says in which order parts are wanted; how many of them fit is the same for all. asks: whether it cannot go
    without a question. looks: whether it looks inside a model of this process, which then has to be given.
    """

    asks: ClassVar[bool] = False
    looks: ClassVar[bool] = False

    @abstractmethod
    def ranked(self, task: Task) -> list[Span]:
        """Parts of the documents, none overlapping another, the most wanted first; what is in none of them goes first.

        Raises WindowExceeded where a model cannot read what it must.
        """
