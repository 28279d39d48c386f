"""The contract of a way to converse: what the model is shown of a conversation that its window cannot hold."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from longspan.conversing.talk import Spoken, Talk
from longspan.memory import Turn
from longspan.usage import Usage


@dataclass(frozen=True, kw_only=True)
class Conversing(ABC):
    """Base of all ways to converse, a method whose parameters are fields, such as `rounds(recalled=5)`.

    All that was said is in the talk's memory, word for word, before and after; a method only decides what the model is
    shown of it. It is written against `Chat`, so that it works with a model of this process under any plan, and with
    any server.
    """

    @abstractmethod
    def reply(self, talk: Talk, said: Turn) -> Spoken:
        """The answer to what the user just said, which is in the memory already; the answer is put there by the talk.

        What leaves the model's sight is told by `talk.events.step`, never cut in silence. Raises WindowExceeded where
        nothing can be made to fit.
        """

    def catch_up(self, talk: Talk, before: int | None = None) -> tuple[Usage, ...]:
        """Does what is left of earlier turns, such as noting facts, those before an id; usages of the calls it took.

        It runs behind an answer, when the user has it, and before the next one for what a stop left undone, so it marks
        in the memory how far it came.
        """
        return ()
