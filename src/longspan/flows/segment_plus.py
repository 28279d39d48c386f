"""SEGMENT+: a note of evidence and reasoning on each part, those that do not help removed, the others joined."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from longspan.flows.base import Events, Flow, reply_tokens, room
from longspan.flows.chat import Chat, Message, Reply
from longspan.flows.folding import Folding
from longspan.flows.inquiry import Inquiry
from longspan.flows.prompting import enclosed, prompt
from longspan.flows.replies import NOTHING, declines, labelled, says_nothing, sentences_quoted, straight
from longspan.parameters import check_whole
from longspan.registry import Card
from longspan.spans import Answer, Document, Span

CARD = Card(
    name="segment-plus",
    target="longspan.flows.segment_plus:SegmentPlus",
    paper="SEGMENT+: Long Text Processing with Short-Context Language Models",
    link="https://arxiv.org/abs/2410.06519",
    year=2024,
    training=False,
    changes="Takes notes of evidence and reasoning on each part, removes those that do not help, and joins the rest.",
    field=(242,),
)

_LABEL_TOKENS = 8
_FIELDS = ("Evidence", "Reasoning")


@dataclass(frozen=True, kw_only=True)
class Note:
    """evidence: sentences as they stand in the documents. reasoning: what the model says of them."""

    evidence: tuple[Span, ...]
    reasoning: str

    def text(self) -> str:
        """As it is shown to the model."""
        said = " ".join(" ".join(each.text.split()) for each in self.evidence)
        return f"Evidence: {said or NOTHING}\nReasoning: {self.reasoning or NOTHING}"


@dataclass(frozen=True, kw_only=True)
class SegmentPlus(Flow):
    """Notes of evidence and reasoning, filtered and merged. https://arxiv.org/abs/2410.06519

    After the paper's text, since its repository has no code. Evidence is looked for in the part that it is from and
    shown as it stands there; what does not stand there is dropped, and a note without any is, too. Notes are removed by
    one more call each, which says keep or remove; of a reply that says neither the note is kept. A joined note keeps
    the evidence that is repeated in it, all of it where none is. Notes are asked for in two labelled lines, which small
    models keep to better than to JSON; both are understood.
    """

    chunk: int = 3000
    """Tokens of a call: a part with the question, the instructions and the note."""

    note: int = 300
    """Tokens of a note at most."""

    def __post_init__(self) -> None:
        check_whole("chunk", self.chunk, 64)
        check_whole("note", self.note, 16)

    def answer(self, chat: Chat, documents: Sequence[Document], question: str, events: Events) -> Answer:
        """Notes, filter, merge, answer."""
        inquiry = Inquiry(chat=chat, question=question, events=events)

        def noting(text: str) -> Message:
            return prompt("segment_plus_note", text=text, question=question, nothing=NOTHING)

        def filtering(note: Note) -> list[Message]:
            return [prompt("segment_plus_filter", note=enclosed(note.text()), question=question)]

        def merging(notes: Sequence[Note]) -> Message:
            return prompt("segment_plus_merge", notes=_listed(notes), question=question)

        def answering(notes: Sequence[Note]) -> Message:
            return prompt("segment_plus_answer", notes=_listed(notes), question=question)

        found = inquiry.parts(documents, self.chunk, self.note, noting)
        events.step(f"takes notes on {len(found):,} parts")
        noted = [
            _note(reply, [part]) for part, reply in inquiry.read_each(found, noting, max_new_tokens=self.note)
        ]
        notes = [note for note, _ in noted if note is not None]
        missed = sum(missed for _, missed in noted)
        events.step(f"{len(notes):,} of them have evidence, {missed:,} lines of evidence stand nowhere")
        kept = inquiry.ask_each(notes, filtering, max_new_tokens=_LABEL_TOKENS) if notes else []
        notes = [note for note, said in zip(notes, kept, strict=True) if not _removes(said)]
        events.step(f"{len(notes):,} of these are kept")
        longest = max((answering(()), merging(())), key=lambda each: chat.count_tokens(each["content"]))
        budget = room(chat, self.chunk, max(self.note, reply_tokens(events)), longest["content"])
        notes = Folding(shown=_listed, message=merging, joined=_joined, note=self.note).fold(
            inquiry, notes, budget
        )
        if not notes:
            return inquiry.answer(None)
        return inquiry.conclude(answering(notes), [span for note in notes for span in note.evidence])


def _note(reply: Reply, read: Sequence[Span]) -> tuple[Note | None, int]:
    """What a reply notes of what was read, None where no evidence stands there; and the lines that stand nowhere."""
    evidence, reasoning = _said(reply.text)
    found = [sentences_quoted(evidence, part) for part in read]
    places = tuple(place for places, _ in found for place in places)
    missed = min((missed for _, missed in found), default=0)
    return (Note(evidence=places, reasoning=reasoning) if places else None), missed


def _said(text: str) -> tuple[str, str]:
    """Evidence and reasoning of a reply: an object of JSON, or two labelled lines."""
    try:
        said = json.loads(text[text.index("{") : text.rindex("}") + 1])
    except ValueError:
        said = labelled(text, _FIELDS)
    said = {str(name).capitalize(): field for name, field in said.items()}
    evidence, reasoning = (said.get(name, "") for name in _FIELDS)
    if isinstance(evidence, list):
        evidence = "\n".join(map(str, evidence))
    reasoning = straight(str(reasoning))
    return str(evidence), "" if says_nothing(reasoning) or declines(reasoning) else reasoning


def _removes(reply: Reply | None) -> bool:
    return reply is not None and reply.text.strip(" *\"'`\n").lower().startswith("remove")


def _joined(notes: Sequence[Note], reply: Reply) -> Note:
    before = tuple(span for note in notes for span in note.evidence)
    joined, _ = _note(reply, before)
    reasoning = _said(reply.text)[1] or " ".join(note.reasoning for note in notes if note.reasoning)
    return Note(evidence=before if joined is None else joined.evidence, reasoning=reasoning)


def _listed(notes: Sequence[Note]) -> str:
    return enclosed("\n\n".join(f"Note {number}\n{note.text()}" for number, note in enumerate(notes, 1)))
