"""The contract of a way to write: how a task becomes a long text."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from longspan.flows.base import Events
from longspan.flows.chat import Chat
from longspan.flows.passages import Ranking, by_words
from longspan.parameters import check_whole
from longspan.spans import Document
from longspan.writing.written import Written

LONGEST = 1_000_000
"""Words of a text at most."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is to be written. text: the user's words. words: how many, see `flows.recursive_summary.words_of`.

    sources: what the text is to rest on. ranked: how their passages are found.
    """

    text: str
    words: int = 2000
    sources: tuple[Document, ...] = ()
    ranked: Ranking = by_words

    def __post_init__(self) -> None:
        check_whole("words", self.words, 1, LONGEST)
        if not self.text.strip():
            raise ValueError("the task is empty; say what is to be written")


@dataclass(frozen=True, kw_only=True)
class Writing(ABC):
    """Base of all ways to write, a method whose parameters are fields, such as `agent-write(tail=900)`.

    A way to write is written against `Chat`, so that it works with a model of this process under any plan, and with any
    server. Behind `flows.trace.Traced`, a run that was stopped goes on and writes no finished part again.
    """

    def check(self, task: Task) -> None:
        """Raises ValueError for a task that it cannot write, before anything is loaded."""
        return

    @abstractmethod
    def write(self, chat: Chat, task: Task, events: Events) -> Written:
        """The text. events: `step` is told what is done; `generation` says how replies are drawn.

        What says again what was said is written anew, and what then still does is left out; both are told. Raises
        FlowError where a call fails twice, or nothing can be written, and WindowExceeded where a part does not fit.
        """
