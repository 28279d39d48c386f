"""One reply to the best passages, beside a question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from longspan.flows.base import Events, Flow, concluded, reply_tokens, room, together
from longspan.flows.chat import Chat, Message
from longspan.flows.passages import choose
from longspan.parameters import check_whole
from longspan.registry import Card
from longspan.spans import Answer, Document, render

CARD = Card(
    name="best-passages",
    target="longspan.flows.best_passages:BestPassages",
    paper="Retrieval meets Long Context Large Language Models",
    link="https://arxiv.org/abs/2310.03025",
    year=2023,
    training=False,
    changes="Reads the passages that speak most of the question, in the documents' order.",
    field=(236,),
    missing="Passages are found by BM25, where the paper takes the best few by a trained retriever.",
)


@dataclass(frozen=True, kw_only=True)
class BestPassages(Flow):
    """Reads the passages that speak most of the question. https://arxiv.org/abs/2310.03025

    Deviations: passages are found by BM25 and stand in the documents' order, where the paper takes the best few by a
    trained retriever.
    """

    tokens: int = 4096
    """Tokens of passages that are read, fewer where the chat has no room for them."""

    passage: int = 256
    """Tokens of a passage at most."""

    overhead: int = 64
    """Tokens that are left for the chat template."""

    def __post_init__(self) -> None:
        check_whole("tokens", self.tokens, 1)
        check_whole("passage", self.passage, 1)
        check_whole("overhead", self.overhead, 0)

    def answer(self, chat: Chat, documents: Sequence[Document], question: str, events: Events) -> Answer:
        """One reply to the passages and the question."""
        space = room(chat, self.tokens, reply_tokens(events), question, overhead=self.overhead)
        chosen = choose(documents, question, space, chat.count_tokens, self.passage)
        events.step(
            f"reads {chosen.passages:,} of {chosen.total:,} passages, {chosen.skipped_tokens:,} tokens left out"
        )
        message = Message(role="user", content=f"{render(chosen.spans)}\n\n{question}")
        said = chat.generate([message], stream=events.stream, **events.generation)
        answer = concluded(said, question, chosen.spans, [said.usage], count=chat.count_tokens)
        return replace(answer, usage=together([said.usage], chosen.skipped_tokens))
