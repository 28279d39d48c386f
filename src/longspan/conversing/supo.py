"""A history that is replaced by its summary whenever it has grown too long."""

from __future__ import annotations

from dataclasses import dataclass

from longspan.conversing.base import Conversing
from longspan.conversing.messages import EACH, alternating, length, messages_of
from longspan.conversing.summaries import last_summary, since_summary, summarise, told_summary
from longspan.conversing.talk import Spoken, Talk, documents_of
from longspan.errors import FlowError, WindowExceeded
from longspan.flows.chat import Message
from longspan.memory import Turn
from longspan.parameters import check_range, check_whole
from longspan.registry import Card
from longspan.usage import Usage

CARD = Card(
    name="supo",
    target="longspan.conversing.supo:Supo",
    paper="Scaling LLM Multi-turn RL with End-to-end Summarization-based Context Management",
    link="https://arxiv.org/abs/2510.06727",
    year=2025,
    training=False,
    trained=True,
    changes="Replaces what was said by a summary of the model's own whenever it outgrows a part of the window.",
    field=(245,),
    missing="The training, by which a model learns what to put into its summaries, is not here, since longspan trains "
    "no such policies.",
)


@dataclass(frozen=True, kw_only=True)
class Supo(Conversing):
    """Summaries in place of history, the part of SUPO at run time. https://arxiv.org/abs/2510.06727

    When what was said since the last summary outgrows `threshold` of the room, the model is asked for a summary that it
    can go on from, and starts anew with the system's words, the summary and the user's message. The summary before is
    part of what is summarised. From the abstract; headings of the summary, threshold and lengths are longspan's own.
    """

    threshold: float = 0.8
    """Part of the room above which a summary is made."""

    summary: int = 512
    """Tokens of a summary at most; a quarter of the room where that is less."""

    rounds: int | None = None
    """Summaries of a conversation at most, as in training; an error beyond it."""

    share: float = 0.3
    """Part of the room that documents may take."""

    def __post_init__(self) -> None:
        check_range("threshold", self.threshold, 0.1, 1)
        check_whole("summary", self.summary, 1)
        check_range("share", self.share, 0.01, 0.5)
        if self.rounds is not None:
            check_whole("rounds", self.rounds, 1)

    def reply(self, talk: Talk, said: Turn) -> Spoken:
        """The answer to the summary, what was said since, and the message."""
        count, usages = talk.chat.count_tokens, list[Usage]()
        system = Message(role="system", content=talk.told())
        room = talk.room - length([system], count)
        if room < 4 * EACH:
            raise WindowExceeded(
                f"the system's words leave {max(0, room):,} tokens; raise the window, or drop rules"
            )
        spans, _ = talk.read(said.text, int(room * self.share))
        documents = documents_of(spans)
        room -= count(documents) + EACH if documents else 0
        asked = talk.asked(said, room // 2)
        last = Message(role="user", content="\n\n".join(filter(None, (documents, asked))))
        if length(self._history(talk, said), count) > self.threshold * (room - count(asked) - EACH):
            usages += self._summarise(talk, said, room)
        messages = alternating([system, *self._history(talk, said), last])
        reply = talk.chat.generate(messages, stream=talk.events.stream, **talk.events.generation)
        return Spoken(reply=reply, shown=spans, usages=(*usages, reply.usage))

    def _history(self, talk: Talk, said: Turn) -> list[Message]:
        """The last summary and what was said since."""
        return [*told_summary(last_summary(talk)), *messages_of(since_summary(talk, said))]

    def _summarise(self, talk: Talk, said: Turn, room: int) -> list[Usage]:
        """Makes the next summary. Raises FlowError where no more are allowed."""
        earlier = talk.memory.notes("summary", subject=str(talk.session), closed=True)
        if self.rounds is not None and len(earlier) >= self.rounds:
            raise FlowError(
                f"{len(earlier):,} summaries were made, rounds={self.rounds} are allowed; raise it, or begin anew"
            )
        return summarise(talk, since_summary(talk, said), room, min(self.summary, room // 4))
