"""Any flow on documents that were made shorter first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from longspan.compressing.base import Compressor
from longspan.compressing.compress import check_rate, compress
from longspan.compressing.compressed import Compressed
from longspan.compressing.extractive import Extractive
from longspan.flows.base import Events, Flow, concluded, together
from longspan.flows.chat import Chat, Message
from longspan.flows.judging import judge_of
from longspan.registry import Card
from longspan.spans import Answer, Document, Span, render
from longspan.usage import Usage

CARD = Card(
    name="compressed",
    target="longspan.flows.compressed:CompressedReading",
    paper="Characterizing Prompt Compression Methods for Long Context Inference",
    link="https://arxiv.org/abs/2407.08892",
    year=2024,
    training=False,
    changes="Makes the documents shorter by any compressor, and then reads them whole or as another flow does.",
    field=(39,),
    missing="Of the kinds of methods that the paper compares, summaries are those of longspan summarize.",
)


@dataclass(frozen=True, kw_only=True)
class CompressedReading(Flow):
    """Compression before reading. https://arxiv.org/abs/2407.08892

    Citations and claims point into the documents as they were: see `Compressed.traced`.
    """

    compressor: Compressor = field(default_factory=Extractive, metadata={"room": "compressor"})
    """How the documents are made shorter."""

    rate: float = 0.5
    """The share of their tokens that stays."""

    flow: Flow | None = field(default=None, metadata={"room": "flow"})
    """What reads what stays; none reads all of it in one prompt."""

    def __post_init__(self) -> None:
        check_rate(self.rate)

    def answer(self, chat: Chat, documents: Sequence[Document], question: str, events: Events) -> Answer:
        """The answer of the other flow."""
        held = shorter(chat, self.compressor, documents, self.rate, question)
        events.step(held.describe())
        if self.flow is None:
            said = _whole(chat, held.documents, question, events)
        else:
            said = self.flow.answer(chat, held.documents, question, events)
        return held.traced(said, question)


def shorter(
    chat: Chat, compressor: Compressor, documents: Sequence[Document], rate: float, question: str
) -> Compressed:
    """Documents made shorter, counted in the tokens of a chat, which is asked where the compressor asks a model."""
    usages: list[Usage] = []
    held = compress(
        documents,
        rate,
        by=compressor,
        question=question,
        judge=judge_of(chat, usages.append),
        count=chat.count_tokens,
    )
    return replace(held, usage=together(usages))


def _whole(chat: Chat, documents: Sequence[Document], question: str, events: Events) -> Answer:
    """One reply to all of some documents."""
    read = [Span(document, 0, len(document.text)) for document in documents]
    if not read:
        raise ValueError("documents holds no text to read; give at least one that has some")
    message = Message(role="user", content=f"{render(read)}\n\n{question}")
    said = chat.generate([message], stream=events.stream, **events.generation)
    return concluded(said, question, read, [said.usage], count=chat.count_tokens)
