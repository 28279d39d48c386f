"""Context-Picker: more passages than needed, then without each that can be done without."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from longspan.flows.base import Events, Flow, parts, reply_tokens, room
from longspan.flows.chat import Chat, Failed, Reply
from longspan.flows.found import Found
from longspan.flows.inquiry import Inquiry
from longspan.flows.prompting import frame, prompt, shown
from longspan.flows.replies import heard
from longspan.parameters import check_whole
from longspan.registry import Card
from longspan.retrieval.retrievers.base import Retriever
from longspan.retrieval.retrievers.bm25 import Bm25
from longspan.spans import Answer, Document

CARD = Card(
    name="context-picker",
    target="longspan.flows.context_picker:ContextPicker",
    paper="Context-Picker: Dynamic context selection using multi-stage reinforcement learning",
    link="https://arxiv.org/abs/2512.14465",
    year=2025,
    training=False,
    trained=True,
    changes="Retrieves more passages than needed, and leaves out each without which the question can be answered.",
    field=(49,),
    missing="The picker that the paper trains by reinforcement is absent; the model is asked in its place.",
)

_VERDICT = 8  # tokens of YES or NO
_YES = re.compile(r"[\W_]*yes\b", re.IGNORECASE)
_PROMPTS = ("context_picker_enough", "passages")


@dataclass(frozen=True, kw_only=True)
class ContextPicker(Flow):
    """The fewest passages that suffice. https://arxiv.org/abs/2512.14465

    First for recall: the best passages. Then for precision: beginning with the one that was found last, each is left
    out whenever the model says that the question can be answered from the others. What it says besides YES counts as
    NO, and where it says NO of all of them together, all are read.

    After the abstract, since no more was to be had: the paper trains a picker on sets that were made in this way, by
    leaving one out; here the way itself is gone at the time of the question, with a call a passage.
    """

    passages: int = 8
    """Passages of the first step at most."""

    passage: int = 256
    """Tokens of a passage at most."""

    retriever: Retriever = field(default_factory=Bm25, metadata={"room": "retriever"})
    """How passages are found."""

    def __post_init__(self) -> None:
        check_whole("passages", self.passages, 1)
        check_whole("passage", self.passage, 16)

    def answer(self, chat: Chat, documents: Sequence[Document], question: str, events: Events) -> Answer:
        """Retrieve, leave out, answer."""
        inquiry = Inquiry(chat=chat, question=question, events=events)
        empty = [prompt(name, text=frame(documents), question=question)["content"] for name in _PROMPTS]
        size = room(
            chat, self.passages * self.passage, max(_VERDICT, reply_tokens(events)), max(empty, key=len)
        )
        spans = parts(documents, min(self.passage, size), chat.count_tokens)
        found = Found(inquiry, spans, self.retriever)
        best = found.best(question, self.passages)
        held = found.held(best, size)
        kept = _kept(inquiry, found, [number for number in best if number in held])
        events.step(f"reads {len(kept):,} of {len(held):,} passages that were found among {len(spans):,}")
        inquiry.skipped = found.left_out(held)
        if not kept:
            return inquiry.answer(None)
        read = found.read(sorted(kept))
        return inquiry.conclude(prompt("passages", text=shown(read), question=question), read)


def _kept(inquiry: Inquiry, found: Found, picked: Sequence[int]) -> list[int]:
    """The passages that cannot be left out. picked: all, best first."""
    replies: list[Reply | Failed] = []

    def suffices(numbers: Sequence[int]) -> bool:
        text = shown(found.read(sorted(numbers)))
        message = prompt("context_picker_enough", text=text, question=inquiry.question)
        replies.extend(inquiry.chat.generate_all([[message]], max_new_tokens=_VERDICT))
        reply = heard(replies, len(picked) + 1)[-1]
        if reply is None:
            return False
        inquiry.usages.append(reply.usage)
        return bool(_YES.match(reply.text))

    kept = list(picked)
    if len(kept) > 1 and suffices(kept):
        for number in reversed(picked):
            others = [each for each in kept if each != number]
            if others and suffices(others):
                kept = others
    return kept
