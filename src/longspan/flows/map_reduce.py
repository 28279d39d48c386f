"""LLM×MapReduce: notes on each part, joined while they are too long, and one answer from all of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from longspan.errors import FlowError
from longspan.flows.base import Events, Flow, concluded, parts, reply_tokens, room
from longspan.flows.chat import Chat, Reply
from longspan.flows.prompting import enclosed, prompt, shown
from longspan.flows.replies import NOTHING, heard, labelled, says_nothing
from longspan.parameters import check_whole
from longspan.registry import Card
from longspan.spans import Answer, Document, Span, Unread
from longspan.usage import Usage

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
_PROGRESS = 0.9  # joined notes have at most this share of the tokens before
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
        empty = prompt("map_reduce_map", text=enclosed(""), question=question, nothing=NOTHING)["content"]
        wanted = self.chunk - self.note - chat.count_tokens(empty)
        size = room(chat, wanted, self.note, empty)
        found = parts(documents, size, chat.count_tokens)
        events.step(f"takes notes on {len(found):,} parts of up to {size:,} tokens")
        replies = heard(
            chat.generate_all(
                [
                    [prompt("map_reduce_map", text=shown([part]), question=question, nothing=NOTHING)]
                    for part in found
                ],
                max_new_tokens=self.note,
            )
        )
        usages = [each.usage for each in replies if each is not None]
        unread = [
            Unread(span=part, reason="the call that read it failed")
            for part, reply in zip(found, replies, strict=True)
            if reply is None
        ]
        notes = [
            note
            for part, reply in zip(found, replies, strict=True)
            if reply is not None and (note := _note(reply, (part,))) is not None
        ]
        events.step(f"{len(notes):,} of them speak of the question")
        notes = self._collapsed(chat, notes, question, events, usages)
        if not notes:
            return concluded(None, question, (), usages, unread=unread, count=chat.count_tokens)
        message = prompt("map_reduce_reduce", notes=_listed(notes), question=question)
        said = chat.generate([message], stream=events.stream, **events.generation)
        read = [span for note in notes for span in note.sources]
        return concluded(said, question, read, [*usages, said.usage], unread=unread, count=chat.count_tokens)

    def _collapsed(
        self, chat: Chat, notes: list[Note], question: str, events: Events, usages: list[Usage]
    ) -> list[Note]:
        """Notes that fit into one call with the question, joined in groups as long as they do not."""
        empty = prompt("map_reduce_collapse", notes=enclosed(""), question=question, nothing=NOTHING)[
            "content"
        ]
        answer = max(self.note, reply_tokens(events))
        budget = room(chat, self.chunk, answer, empty)
        while (tokens := chat.count_tokens(_listed(notes))) > budget and len(notes) > 1:
            groups = _groups(notes, budget, chat)
            events.step(f"joins {len(notes):,} notes of {tokens:,} tokens in {len(groups):,} groups")
            asked = [
                [prompt("map_reduce_collapse", notes=_listed(group), question=question, nothing=NOTHING)]
                for group in groups
            ]
            replies = heard(chat.generate_all(asked, max_new_tokens=self.note))
            usages += [each.usage for each in replies if each is not None]
            joined = []
            for group, reply in zip(groups, replies, strict=True):
                sources = tuple(span for note in group for span in note.sources)
                note = None if reply is None else _note(reply, sources)
                joined += group if reply is None else [note] if note is not None else []
            if joined and chat.count_tokens(_listed(joined)) > _PROGRESS * tokens:
                raise FlowError(
                    f"notes of {tokens:,} tokens have {chat.count_tokens(_listed(joined)):,} after they were joined, "
                    f"and {budget:,} fit; raise chunk={self.chunk}, lower note={self.note}, or use another flow"
                )
            notes = joined
        return notes


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


def _groups(notes: Sequence[Note], budget: int, chat: Chat) -> list[list[Note]]:
    """Neighbouring notes in groups of two or more that fit, as far as they do."""
    groups: list[list[Note]] = []
    for note in notes:
        if groups and (len(groups[-1]) < 2 or chat.count_tokens(_listed([*groups[-1], note])) <= budget):
            groups[-1].append(note)
        else:
            groups.append([note])
    return groups
