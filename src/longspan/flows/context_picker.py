"""Context-Picker: more passages than needed, then without each that can be done without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from longspan.flows.base import Events, Flow, parts, reply_tokens, room
from longspan.flows.chat import Chat, Failed
from longspan.flows.choosing import VERDICT, YES_OR_NO, Chosen
from longspan.flows.found import Found
from longspan.flows.inquiry import Inquiry
from longspan.flows.prompting import frame, prompt, shown
from longspan.flows.replies import heard
from longspan.parameters import check_range, check_whole
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

_PROMPTS = ("context_picker_enough", "passages")


@dataclass(frozen=True, kw_only=True)
class ContextPicker(Flow):
    """The fewest passages that suffice. https://arxiv.org/abs/2512.14465

    First for recall: the best passages. Then for precision: the model is asked whether the question can be answered
    from all of them, and, beginning with the one that was found last, each is left out whenever the odds of its yes are
    hardly lower without. These are its probabilities, since what a small model says outright is nearly always the
    same; of a server they are what it says. Where it says no of all together, or neither, all are read.

    After the abstract, since no more was to be had: the paper trains a picker on sets that were made in this way, by
    leaving one out; here the way itself is gone at the time of the question, with a call a passage.
    """

    passages: int = 8
    """Passages of the first step at most."""

    passage: int = 256
    """Tokens of a passage at most."""

    loss: float = 0.1
    """Of the ln odds that the question can be answered, what a passage may cost that is left out."""

    retriever: Retriever = field(default_factory=Bm25, metadata={"room": "retriever"})
    """How passages are found."""

    def __post_init__(self) -> None:
        check_whole("passages", self.passages, 1)
        check_whole("passage", self.passage, 16)
        check_range("loss", self.loss, 0)

    def answer(self, chat: Chat, documents: Sequence[Document], question: str, events: Events) -> Answer:
        """Retrieve, leave out, answer."""
        inquiry = Inquiry(chat=chat, question=question, events=events)
        empty = [prompt(name, text=frame(documents), question=question)["content"] for name in _PROMPTS]
        size = room(
            chat, self.passages * self.passage, max(VERDICT, reply_tokens(events)), max(empty, key=len)
        )
        spans = parts(documents, min(self.passage, size), chat.count_tokens)
        found = Found(inquiry, spans, self.retriever)
        best = found.best(question, self.passages)
        held = found.held(best, size)
        kept = _kept(inquiry, found, [number for number in best if number in held], self.loss)
        events.step(f"reads {len(kept):,} of {len(held):,} passages that were found among {len(spans):,}")
        inquiry.skipped = found.left_out(held)
        if not kept:
            return inquiry.answer(None)
        read = found.read(sorted(kept))
        return inquiry.conclude(prompt("passages", text=shown(read), question=question), read)


def _kept(inquiry: Inquiry, found: Found, picked: Sequence[int], loss: float) -> list[int]:
    """The passages that cannot be left out. picked: all, best first. loss: of ln odds, see `ContextPicker`."""
    failures: list[Failed] = []

    def sure(numbers: Sequence[int]) -> Chosen | None:
        text = shown(found.read(sorted(numbers)))
        message = prompt("context_picker_enough", text=text, question=inquiry.question)
        (said,) = inquiry.chat.choose_all([[message]], YES_OR_NO)
        if isinstance(said, Failed):
            failures.append(said)
            heard(failures, len(picked) + 1)
            return None
        inquiry.usages.append(said.usage)
        return said

    kept = list(picked)
    whole = sure(kept) if len(kept) > 1 else None
    if whole is None or whole.shares[0] == 0 or len(set(whole.shares)) == 1:
        return kept
    for number in reversed(picked):
        others = [each for each in kept if each != number]
        without = sure(others) if others else None
        if without is not None and without.odds >= whole.odds - loss:
            kept = others
    return kept
