"""A lesson as a flow: what is asked is a text of the demonstrations' kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from longspan.demonstrations.demonstration import Demonstration
from longspan.demonstrations.lessons.base import Lesson
from longspan.flows.base import Events, Flow
from longspan.flows.chat import Chat
from longspan.spans import Answer, Document


@dataclass(frozen=True, kw_only=True)
class Taught(Flow):
    """Answers by demonstrations. Documents, if there are any, are the beginning of the text that is asked about."""

    lesson: Lesson
    """What is made of the demonstrations."""

    demonstrations: tuple[Demonstration, ...] = ()
    """Those that may be shown."""

    def __post_init__(self) -> None:
        if self.lesson.needs and not self.demonstrations:
            raise ValueError("there are no demonstrations; give one or more")

    def answer(self, chat: Chat, documents: Sequence[Document], question: str, events: Events) -> Answer:
        """The answer to documents and question as one text."""
        text = "\n\n".join([*(each.text.strip() for each in dict.fromkeys(documents)), question])
        return self.lesson.taught(chat, self.demonstrations, events)(text)
