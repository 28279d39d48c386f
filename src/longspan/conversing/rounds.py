"""The last rounds as they were said, and those of the past that speak of what is asked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from longspan.conversing.base import Conversing
from longspan.conversing.facts import note_facts
from longspan.conversing.messages import (
    EACH,
    alternating,
    length,
    messages_of,
    recalled,
    rounds_of,
)
from longspan.conversing.talk import Spoken, Talk, documents_of, today
from longspan.conversing.times import asked_time
from longspan.errors import WindowExceeded
from longspan.flows.chat import Message
from longspan.flows.prompting import enclosed, prompt
from longspan.flows.replies import NOTHING, says_nothing
from longspan.memory import Turn
from longspan.parameters import check_range, check_whole
from longspan.registry import Card
from longspan.spans import Span
from longspan.usage import Usage

CARD = Card(
    name="rounds",
    target="longspan.conversing.rounds:Rounds",
    paper="LongMemEval: Benchmarking Chat Assistants on Long-Term Interactive Memory",
    link="https://arxiv.org/abs/2410.10813",
    year=2024,
    training=False,
    changes="Shows the last rounds as they were said, and the earlier ones that speak of what is asked.",
    missing="Rounds are found by words, and by vectors only where an embedder is given, where the paper takes a dense "
    "retriever of 1.5 billion parameters.",
)

_AROUND = 64  # tokens of what stands around recalled rounds


@dataclass(frozen=True, kw_only=True)
class Rounds(Conversing):
    """A window of the last rounds, and recall of earlier ones. https://arxiv.org/abs/2410.10813

    The value that is kept and found is a round, a user's words with the answer; its keys are its turns and the facts
    that were noted of it; rounds that are found stand in the order of time as lines of JSON before the question.
    Rounds leave the window some at a time, so that what a model has read of it can be used again.

    Deviations: words by BM25 and, where there is an embedder, vectors, fused by reciprocal rank, where the paper takes
    one dense retriever; facts, times and notes, which take a call to the model each, are off unless asked for; rounds
    stay within a share of the window; nothing is recalled below a floor of evidence.
    """

    recalled: int = 10
    """Rounds that are recalled at most; 0 for the last window alone."""

    share: float = 0.3
    """Part of the window that recalled rounds may take, and documents as much again."""

    trigger: float = 0.9
    """Part of its room at which the window gives rounds up."""

    target: float = 0.6
    """Part of its room that the window then keeps."""

    floor: float = 0.2
    """Evidence below which nothing is recalled: the share of the question's words, by rarity, or a cosine."""

    facts: bool = False
    """Whether the model notes facts of the user's words behind each answer, which are further keys."""

    times: bool = False
    """Whether the model is asked for the time that a question is about, and only rounds of then are recalled."""

    notes: bool = False
    """Whether the model takes notes of the recalled rounds before it answers."""

    def __post_init__(self) -> None:
        check_whole("recalled", self.recalled, 0)
        check_range("share", self.share, 0.01, 0.45)
        check_range("target", self.target, 0.05, self.trigger)
        check_range("trigger", self.trigger, self.target, 1)
        check_range("floor", self.floor, 0, 1)

    def reply(self, talk: Talk, said: Turn) -> Spoken:
        """The answer to the last rounds and what was recalled."""
        messages, spans, usages = self.prompt(talk, said)
        reply = talk.chat.generate(messages, stream=talk.events.stream, **talk.events.generation)
        return Spoken(reply=reply, shown=spans, usages=(*usages, reply.usage))

    def prompt(
        self, talk: Talk, said: Turn, told: str | None = None
    ) -> tuple[list[Message], tuple[Span, ...], list[Usage]]:
        """What the model is asked, what of the documents is in it, and what calls before it took.

        told: the system's words in place of `talk.told()`.
        """
        count = talk.chat.count_tokens
        system = Message(role="system", content=talk.told() if told is None else told)
        room = talk.room - length([system], count)
        part = int(room * self.share)
        if part < EACH:
            raise WindowExceeded(
                f"what the model is told leaves {max(0, room):,} tokens for a conversation; raise the window, or drop "
                "rules"
            )
        spans, whole = talk.read(said.text, part)
        documents = documents_of(spans)
        words, usages = "", list[Usage]()
        room -= (count(documents) + EACH) if documents else 0
        asked = talk.asked(said, room // 2)
        limit = room - part - count(asked) - EACH
        visible = self._visible(talk, said, max(0, limit))
        if self.recalled and talk.memory.mark(talk.session, "window"):
            words, usages = self._recalled(talk, said, asked, part)
        last = Message(role="user", content="\n\n".join(filter(None, (words, asked))))
        earlier = messages_of(visible)
        if documents and whole:
            earlier = [Message(role="user", content=documents), *earlier]
        elif documents:
            last["content"] = f"{documents}\n\n{last['content']}"
        return [system, *alternating([*earlier, last])], spans, usages

    def catch_up(self, talk: Talk, before: int | None = None) -> tuple[Usage, ...]:
        """Notes facts of what the user said since they were noted last; the first time, of the last words alone."""
        if not self.facts:
            return ()
        done = talk.memory.mark(talk.session, "facts")
        turns = talk.memory.turns(session=talk.session, after=done)
        said = [each for each in turns if each.role == "user" and (before is None or each.id < before)]
        usages: list[Usage] = []
        for each in said if done else said[-1:]:
            usages += note_facts(talk, each)
            talk.memory.set_mark(talk.session, "facts", each.id)
        return tuple(usages)

    def _visible(self, talk: Talk, said: Turn, room: int) -> list[Turn]:
        """The last rounds before this one that fit; what leaves is told."""
        head = talk.memory.mark(talk.session, "window")
        turns = [each for each in talk.memory.turns(session=talk.session, after=head) if each.id < said.id]
        rounds = rounds_of(turns)
        sizes = [length(messages_of(each), talk.chat.count_tokens) for each in rounds]
        if sum(sizes) <= self.trigger * room:
            return turns
        gone = 0
        while gone < len(rounds) and sum(sizes[gone:]) > self.target * room:
            gone += 1
        talk.memory.set_mark(talk.session, "window", rounds[gone - 1][-1].id)
        talk.events.step(
            f"{gone:,} {'round leaves' if gone == 1 else 'rounds leave'} the window, {sum(sizes[:gone]):,} tokens; "
            "they stay in the memory"
        )
        return [turn for each in rounds[gone:] for turn in each]

    def _recalled(self, talk: Talk, said: Turn, question: str, room: int) -> tuple[str, list[Usage]]:
        """Earlier rounds that speak of what is asked, as they are shown, or notes of them."""
        usages: list[Usage] = []
        since, until = -math.inf, math.inf
        if self.times:
            since, until, usage = asked_time(talk, said)
            usages.append(usage)
        found = talk.memory.search(
            said.text,
            limit=self.recalled,
            floor=self.floor,
            since=since,
            until=until,
            before=self._first_visible(talk, said),
        )
        lines, number = recalled(found, said.text, room - _AROUND, talk.chat.count_tokens)
        if not lines:
            return "", usages
        talk.events.step(f"recalls {number:,} earlier {'round' if number == 1 else 'rounds'}")
        words = (
            f"From earlier in this conversation, as data (it is now {today(talk.memory)}):\n{enclosed(lines)}"
        )
        if self.notes:
            asked = prompt("recalled_notes", rounds=enclosed(lines), question=question, nothing=NOTHING)
            reply = talk.chat.generate([asked], max_new_tokens=min(500, room))
            usages.append(reply.usage)
            taken = "" if says_nothing(reply.text) else reply.text.strip()
            words = taken and f"Notes of earlier conversations:\n{enclosed(taken)}"
        return words, usages

    @staticmethod
    def _first_visible(talk: Talk, said: Turn) -> int:
        """The first round that is not to be recalled, since it is in the window."""
        head = talk.memory.mark(talk.session, "window")
        following: Sequence[Turn] = talk.memory.turns(session=talk.session, after=head)
        return min((each.round for each in following), default=said.round)
