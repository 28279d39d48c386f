"""InftyThink: a long thought in segments, each of which knows of those before only by a summary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from longspan.errors import FlowError
from longspan.flows.base import OVERHEAD, Events, drawing, room, together
from longspan.flows.chat import Chat, Message, Reply
from longspan.flows.prompting import enclosed, prompt
from longspan.parameters import check_range, check_whole
from longspan.reasoning.answers import Kind, check_kind, final_answer
from longspan.reasoning.base import Chain, Conclusion, Reasoner, seeds
from longspan.registry import Card
from longspan.running.generation import Generation

CARD = Card(
    name="inftythink",
    target="longspan.reasoning.inftythink:InftyThink",
    paper="InftyThink: Breaking the Length Limits of Long-Context Reasoning in Large Language Models",
    link="https://arxiv.org/abs/2503.06692",
    year=2025,
    training=False,
    trained=True,
    changes="Thinks in rounds: each continues from a summary of those before, until one gives the answer.",
    field=(129, 198),
    missing="Prompts ask for segments and summaries, since training on split thoughts, or by rewards, is not here.",
)

_SUMMARY = "Progress:"
_ANSWER = "Answer:"
_FEW = 200
"""Characters that are not halved any more."""


@dataclass(frozen=True, kw_only=True)
class InftyThink(Reasoner):
    """Rounds of a bounded thought and a summary of it. https://arxiv.org/abs/2503.06692

    A round sees the question and the latest summary, and ends with either the answer or a summary. The paper trains a
    model to write so; here a prompt asks for it. Where the authors' program goes on from nothing when a summary was cut
    or left out, the round's thoughts are summarised by one more, shorter call, and failing that the summary before is
    kept. A summary that is the one before ends it, as does the last round: then the answer is asked for. With
    `rounds=2` it is what MOTIF does with a trained model (https://arxiv.org/abs/2507.02851): two reports of progress,
    then the answer.
    """

    rounds: int = 50
    """Rounds at most."""

    tokens: int = 8192
    """Tokens of a round's reply, fewer where the chat has no room for them."""

    temperature: float = 0.7
    """How replies are drawn, unless the question says it."""

    top_p: float = 0.95
    """The same: the likeliest tokens that make up this share."""

    answer: Kind = "auto"
    """What an answer is: number, choice, text, or auto for what is announced as one."""

    def __post_init__(self) -> None:
        check_whole("rounds", self.rounds, 1)
        check_whole("tokens", self.tokens, 16)
        check_range("temperature", self.temperature, 0)
        check_range("top_p", self.top_p, 0, 1)
        check_kind(self.answer)

    def reason(self, chat: Chat, messages: Sequence[Message], events: Events) -> Conclusion:
        """Rounds until an answer stands behind a thought."""
        asking = _Asking(self, chat, messages, events)
        progress = ""
        for number in range(1, self.rounds + 1):
            reply = asking.round(progress, number)
            what, said = segment(reply)
            events.step(
                f"round {number:,} of at most {self.rounds:,}: {len(reply.text):,} characters, {what}"
            )
            if what == "answer":
                return asking.concluded(reply)
            new = said if what == "summary" else asking.summarised(progress, reply)
            if not new or new == progress:
                events.step("the summary says nothing new: the answer is asked for")
                break
            progress = new
        return asking.concluded(asking.last(progress))


class _Asking:
    """The calls of one thought."""

    def __init__(self, method: InftyThink, chat: Chat, messages: Sequence[Message], events: Events) -> None:
        self._method, self._chat, self._events = method, chat, events
        *self._before, last = messages
        self._question = last["content"]
        self._replies: list[Reply] = []
        (self._seed,) = seeds(events, 1)
        self._drawn: Generation = {
            "temperature": method.temperature,
            "top_p": method.top_p,
            **drawing(events),
        }

    def round(self, progress: str, number: int) -> Reply:
        """The next segment. Raises WindowExceeded where question and summary leave no room for it."""
        name = "inftythink_next" if progress else "inftythink_first"
        fields = {"progress": enclosed(progress)} if progress else {}
        return self._said(prompt(name, question=self._question, **fields), self._method.tokens)

    def summarised(self, progress: str, reply: Reply) -> str:
        """What a round has come to that did not say so itself; what was known before where nothing is said."""
        thoughts, tokens = _thoughts(reply), self._method.tokens // 4
        while True:
            message = prompt("inftythink_summary", question=self._question, thoughts=enclosed(thoughts))
            needed = self._chat.count_tokens(message["content"]) + tokens + OVERHEAD
            if self._chat.longest is None or needed <= self._chat.longest or len(thoughts) < _FEW:
                break
            thoughts = thoughts[len(thoughts) // 2 :]
            self._events.step("only the last half of the round's thoughts fits what summarises them")
        said = self._said(message, tokens)
        text = said.text.partition(_SUMMARY)[2].strip() or said.text.strip()
        return progress if said.cut or not text else text

    def last(self, progress: str) -> Reply:
        """The answer from what is known."""
        known = enclosed(progress or "nothing yet")
        message = prompt("inftythink_last", question=self._question, progress=known)
        return self._said(message, self._method.tokens // 4)

    def concluded(self, reply: Reply) -> Conclusion:
        """What the last reply came to, with what all of them took."""
        self._events.stream(reply.text)
        answer = final_answer(reply.text, self._method.answer)
        return Conclusion(
            reply=reply,
            answer=answer,
            chains=tuple(
                Chain(reply=each, answer=answer if each is reply else None) for each in self._replies
            ),
            votes={} if answer is None else {answer: 1},
            usage=together([each.usage for each in self._replies]),
        )

    def _said(self, message: Message, tokens: int) -> Reply:
        beside = [each["content"] for each in self._before]
        longest = room(self._chat, tokens, 0, *beside, message["content"])
        self._seed += 1
        drawn: Generation = {**self._drawn, "seed": self._seed - 1, "max_new_tokens": longest}
        said = self._chat.generate([*self._before, message], **drawn)
        if not (said.text or said.reasoning).strip():
            raise FlowError("the model said nothing; ask again with another seed, or another model")
        self._replies.append(said)
        return said


def segment(reply: Reply) -> tuple[Literal["answer", "summary", "nothing"], str]:
    """What a round ends with, and what that says: whichever of the two stands last; nothing where it was cut.

    A cut answer line has its answer, unless the cut left nothing of it; a cut summary is none.
    """
    text = reply.text
    summary, answer = text.rfind(_SUMMARY), text.rfind(_ANSWER)
    if answer > summary and (found := text[answer + len(_ANSWER) :].strip(" *\n")):
        return "answer", found
    if summary < 0 or reply.cut:
        if summary < 0 and not reply.cut and final_answer(text) is not None:
            return "answer", text
        return "nothing", ""
    return "summary", text[summary + len(_SUMMARY) :].strip()


def _thoughts(reply: Reply) -> str:
    return "\n".join(filter(None, (reply.reasoning, reply.text)))
