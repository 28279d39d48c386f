"""The contract of a lesson: demonstrations become messages to a model, which answers texts of the same kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias, get_args

from longspan.demonstrations.demonstration import Demonstration
from longspan.flows.base import Events
from longspan.flows.chat import Chat
from longspan.parameters import check_choice, check_whole
from longspan.spans import Answer

Answers = Literal["labels", "free"]
"""Whether an answer is one of the demonstrations' labels, or any text."""

Answering: TypeAlias = Callable[[str], Answer]
"""The answer to a text. What teaching took is in the usage of the first one."""


@dataclass(frozen=True, kw_only=True)
class Lesson(ABC):
    """Base of all lessons, a method whose parameters are fields, such as `many-shot(tokens=2000)`.

    A lesson is written against `Chat`, so that it runs with a model of this process and with any server.
    needs: whether it cannot do without demonstrations.
    """

    needs: ClassVar[bool] = True

    tokens: int = 4096
    """Tokens of demonstrations at most, fewer where the chat has no room for them."""

    answers: Answers = "labels"
    """Whether an answer has to be a label of the demonstrations (labels) or may be any text (free)."""

    def __post_init__(self) -> None:
        check_whole("tokens", self.tokens, 1)
        check_choice("answers", self.answers, get_args(Answers))

    @abstractmethod
    def taught(self, chat: Chat, demonstrations: Sequence[Demonstration], events: Events) -> Answering:
        """What answers texts of the demonstrations' kind; what all texts share is done now.

        An answer that has to be a label and is none, though it was asked for twice, is given as it is, not complete.
        Raises ValueError for demonstrations that do not do, WindowExceeded where nothing fits, and FlowError where it
        cannot go on.
        """
