"""Chain of agents: the parts are read in turn, each with the notes of those before, and the last notes answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from longspan.flows.base import Events, Flow
from longspan.flows.chat import Chat, Failed, Message, Reply
from longspan.flows.inquiry import Inquiry
from longspan.flows.prompting import enclosed, prompt, shown
from longspan.flows.replies import NOTHING, declines, says_nothing, straight
from longspan.parameters import check_whole
from longspan.registry import Card
from longspan.spans import Answer, Document, sentences

CARD = Card(
    name="chain-of-agents",
    target="longspan.flows.chain_of_agents:ChainOfAgents",
    paper="Chain of Agents: Large Language Models Collaborating on Long-Context Tasks",
    link="https://arxiv.org/abs/2406.02818",
    year=2024,
    training=False,
    changes="Reads the parts in turn, hands notes from each to the next, and answers from the last notes.",
    field=(38,),
    missing="Several chains in other directions, among whose answers one is chosen, are left out.",
)

_WORDS_PER_TOKEN = 0.6


@dataclass(frozen=True, kw_only=True)
class ChainOfAgents(Flow):
    """Workers read in turn and revise one note, a manager answers from it. https://arxiv.org/abs/2406.02818

    After the paper's text and prompts, since its code is not public. A note that is longer than it may be is shortened
    by one more call. Beyond the paper: a worker whose call fails, who declines, or who has nothing to say leaves the
    note as it was, and one who goes round in circles is heard up to there.
    """

    chunk: int = 8192
    """Tokens of a call: a part with the notes before it, the question, the instructions and the notes behind it."""

    note: int = 1024
    """Tokens of the notes at most."""

    def __post_init__(self) -> None:
        check_whole("chunk", self.chunk, 64)
        check_whole("note", self.note, 16)

    def answer(self, chat: Chat, documents: Sequence[Document], question: str, events: Events) -> Answer:
        """One part after the other, then the answer."""
        inquiry = Inquiry(chat=chat, question=question, events=events)

        def reading(text: str, note: str) -> Message:
            return prompt("chain_of_agents_read", text=text, note=enclosed(note), question=question)

        found = inquiry.parts(documents, self.chunk, 2 * self.note, lambda text: reading(text, NOTHING))
        events.step(f"reads {len(found):,} parts in turn")
        note, replies = "", list[Reply | Failed]()
        for part in found:
            message = reading(shown([part]), note or NOTHING)
            reply = inquiry.read_next(part, message, replies, len(found), max_new_tokens=self.note)
            if reply is not None:
                note = self._revised(inquiry, reply) or note
        if not note:
            return inquiry.answer(None)
        return inquiry.conclude(
            prompt("chain_of_agents_answer", note=enclosed(note), question=question), inquiry.read
        )

    def _revised(self, inquiry: Inquiry, reply: Reply) -> str:
        """The notes in a reply, short enough; empty where it has none."""
        note = straight(reply.text).strip()
        if says_nothing(note) or declines(note):
            return ""
        count = inquiry.chat.count_tokens
        if count(note) > self.note or (reply.cut and note == reply.text.strip()):
            words = f"{max(1, int(self.note * _WORDS_PER_TOKEN))}"
            shorten = prompt(
                "chain_of_agents_shorten", note=enclosed(note), question=inquiry.question, words=words
            )
            shorter = straight(inquiry.ask(shorten, max_new_tokens=self.note).text).strip()
            note = note if says_nothing(shorter) or declines(shorter) else shorter
        if count(note) <= self.note:
            return note
        kept = ""
        for sentence in sentences(Document("note", note)):
            if count(longer := note[: sentence.end]) > self.note:
                break
            kept = longer
        inquiry.events.step(f"notes of {count(note):,} tokens do not become shorter and are cut")
        return kept
