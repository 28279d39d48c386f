"""One reply to the best passages, beside a question."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from longspan.flows.base import Events, Flow, concluded, reply_tokens, room, together
from longspan.flows.chat import Chat, Message
from longspan.flows.judging import judge_of
from longspan.flows.passages import Ranking, choose
from longspan.parameters import check_whole
from longspan.registry import Card
from longspan.retrieval.rerankers.base import Reranker
from longspan.retrieval.retrievers.base import Retriever
from longspan.retrieval.retrievers.bm25 import Bm25
from longspan.spans import Answer, Document, Span, render
from longspan.usage import Usage

CARD = Card(
    name="best-passages",
    target="longspan.flows.best_passages:BestPassages",
    paper="Retrieval meets Long Context Large Language Models",
    link="https://arxiv.org/abs/2310.03025",
    year=2023,
    training=False,
    changes="Reads the passages that speak most of the question, in the documents' order.",
    field=(236,),
    missing="Passages fill a number of tokens in the documents' order, where the paper takes the best 5 to 20 of 300 "
    "words, the best first, and its retrievers are others.",
)


@dataclass(frozen=True, kw_only=True)
class BestPassages(Flow):
    """Reads the passages that speak most of the question. https://arxiv.org/abs/2310.03025

    Deviations: passages are found by BM25 unless another retriever is given, fill a number of tokens, and stand in the
    documents' order, where the paper takes the best few by a trained retriever, the best first.
    """

    tokens: int = 4096
    """Tokens of passages that are read, fewer where the chat has no room for them."""

    passage: int = 256
    """Tokens of a passage at most."""

    overhead: int = 64
    """Tokens that are left for the chat template."""

    retriever: Retriever = field(default_factory=Bm25, metadata={"room": "retriever"})
    """How passages are found."""

    reranker: Reranker | None = field(default=None, metadata={"room": "reranker"})
    """How the model puts those that were found in another order, before the best of them are read; none leaves it."""

    reranked: int = 100
    """How many passages it is shown at most."""

    def __post_init__(self) -> None:
        check_whole("tokens", self.tokens, 1)
        check_whole("passage", self.passage, 1)
        check_whole("overhead", self.overhead, 0)
        check_whole("reranked", self.reranked, 2)

    def answer(self, chat: Chat, documents: Sequence[Document], question: str, events: Events) -> Answer:
        """One reply to the passages and the question."""
        space = room(chat, self.tokens, reply_tokens(events), question, overhead=self.overhead)
        usages: list[Usage] = []
        chosen = choose(
            documents, question, space, chat.count_tokens, self.passage, self._ranking(chat, usages.append)
        )
        events.step(
            f"reads {chosen.passages:,} of {chosen.total:,} passages, {chosen.skipped_tokens:,} tokens left out"
        )
        message = Message(role="user", content=f"{render(chosen.spans)}\n\n{question}")
        said = chat.generate([message], stream=events.stream, **events.generation)
        answer = concluded(said, question, chosen.spans, [], count=chat.count_tokens)
        return replace(answer, usage=together([*usages, said.usage], chosen.skipped_tokens))

    def _ranking(self, chat: Chat, spent: Callable[[Usage], None]) -> Ranking:
        judge = judge_of(chat, spent)

        def ranked(spans: Sequence[Span], question: str) -> list[int]:
            index = self.retriever.index(spans, said=self.retriever.say(spans, judge))
            best = [number for number, _ in index.ranked(question)]
            if self.reranker is None:
                return best
            some = best[: self.reranked]
            order = self.reranker.rank(question, [spans[number] for number in some], judge)
            return [*(some[place] for place in order), *best[self.reranked :]]

        return ranked
