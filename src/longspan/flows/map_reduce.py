"""LLM×MapReduce: notes on each part, joined while they are too long, and one answer from all of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from longspan.flows.base import Events, Flow, reply_tokens, room
from longspan.flows.chat import Chat, Message, Reply
from longspan.flows.folding import Folding
from longspan.flows.inquiry import Inquiry
from longspan.flows.prompting import enclosed, prompt
from longspan.flows.replies import NOTHING, labelled, says_nothing
from longspan.parameters import check_whole
from longspan.registry import Card
from longspan.spans import Answer, Document, Span

CARD = Card(
    name="map-reduce",
    target="longspan.flows.map_reduce:MapReduce",
    paper="LLM×MapReduce: Simplified Long-Sequence Processing using Large Language Models",
    link="https://arxiv.org/abs/2410.09342",
    year=2024,
    training=False,
    changes="Takes notes on each part in four fields with a confidence, joins them, and answers from the notes.",
    field=(144,),
)

_FIELDS = ("Information", "Rationale", "Answer", "Confidence")
_SUREST = 5.0
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True, kw_only=True)
class Note:
    """What was found in some parts: the four fields, and where they come from."""

    information: str
    rationale: str
    answer: str
    confidence: float
    sources: tuple[Span, ...]

    def text(self) -> str:
        """As it is shown to the model."""
        said = (self.information, self.rationale, self.answer, f"{self.confidence:g}")
        return "\n".join(f"{label}: {field}" for label, field in zip(_FIELDS, said, strict=True))


@dataclass(frozen=True, kw_only=True)
class MapReduce(Flow):
    """Notes in four fields with calibrated confidence. https://arxiv.org/abs/2410.09342

    Parts are read independently, side by side where the chat can. Those that say nothing of the question are dropped
    by their fields, not by a mark anywhere in the text; where all are dropped, the answer is that nothing was found.
    Deviations: parts keep all of the text and are cut at paragraphs, lines and sentences by size alone; the worked
    example of the published prompts is a scale in words, since small models copy examples; notes that do not become
    shorter end in an error. Models of a billion weights or less give 5 for every part: `alr2` serves them better.
    """

    chunk: int = 4096
    """Tokens of a call: a part with its question and instructions, or notes that are joined."""

    note: int = 300
    """Tokens of a note at most."""

    def __post_init__(self) -> None:
        check_whole("chunk", self.chunk, 64)
        check_whole("note", self.note, 16)

    def answer(self, chat: Chat, documents: Sequence[Document], question: str, events: Events) -> Answer:
        """Map, collapse, reduce."""
        inquiry = Inquiry(chat=chat, question=question, events=events)

        def mapping(text: str) -> Message:
            return prompt("map_reduce_map", text=text, question=question, nothing=NOTHING)

        def collapsing(notes: Sequence[Note]) -> Message:
            return prompt("map_reduce_collapse", notes=_listed(notes), question=question, nothing=NOTHING)

        found = inquiry.parts(documents, self.chunk, self.note, mapping)
        events.step(f"takes notes on {len(found):,} parts")
        read = inquiry.read_each(found, mapping, max_new_tokens=self.note)
        notes = [note for part, reply in read if (note := _note(reply, (part,))) is not None]
        events.step(f"{len(notes):,} of them speak of the question")
        budget = room(chat, self.chunk, max(self.note, reply_tokens(events)), collapsing(())["content"])
        folding = Folding(shown=_listed, message=collapsing, joined=_joined, note=self.note)
        notes = folding.fold(inquiry, notes, budget)
        if not notes:
            return inquiry.answer(None)
        message = prompt("map_reduce_reduce", notes=_listed(notes), question=question)
        return inquiry.conclude(message, [span for note in notes for span in note.sources])


def _joined(notes: Sequence[Note], reply: Reply) -> Note | None:
    return _note(reply, tuple(span for note in notes for span in note.sources))


def _note(reply: Reply, sources: tuple[Span, ...]) -> Note | None:
    """What a reply says, None where it says that there is nothing."""
    said = labelled(reply.text, _FIELDS)
    information = said.get("Information", "" if said else reply.text.strip())
    answer = said.get("Answer", "")
    if says_nothing(information) and says_nothing(answer):
        return None
    number = _NUMBER.search(said.get("Confidence", ""))
    return Note(
        information=information,
        rationale=said.get("Rationale", ""),
        answer=answer,
        confidence=min(_SUREST, float(number[0])) if number else 0.0,
        sources=sources,
    )


def _listed(notes: Sequence[Note]) -> str:
    texts = [f"Note {number}\n{note.text()}" for number, note in enumerate(notes, 1)]
    return enclosed("\n\n".join(texts))
