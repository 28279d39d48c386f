"""Passages that share rare words with the query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from longspan.registry import Card
from longspan.retrieval.retrievers.base import Index, Retriever, Rows, Said, best_first, texts_of
from longspan.spans import Span
from longspan.spans.relevance import Lexicon

CARD = Card(
    name="bm25",
    target="longspan.retrieval.retrievers.bm25:Bm25",
    paper="The Probabilistic Relevance Framework: BM25 and Beyond",
    link="https://doi.org/10.1561/1500000019",
    year=2009,
    training=False,
    changes="Finds the passages that share rare words with the query, in any language, and none that share no word.",
)


@dataclass(frozen=True, kw_only=True)
class WordIndex(Index):
    """Spans by their words."""

    lexicon: Lexicon = field(repr=False, compare=False)

    def ranked(self, query: str) -> list[tuple[int, float]]:
        """Those that share a word with the query."""
        return best_first(self.lexicon.scores(query), above=0.0)


@dataclass(frozen=True, kw_only=True)
class Bm25(Retriever):
    """Finds passages by their words, with bm25s. The Probabilistic Relevance Framework: BM25 and Beyond.

    Words are those of `spans.words`: stemmed, without case and accents; English stop words count only in a query that
    has no other.
    """

    pairs: bool = True
    """Whether of Chinese and Japanese each pair of neighbours counts as a word besides each character."""

    def index(
        self, spans: Sequence[Span], *, said: Said | None = None, encoded: Sequence[Rows] | None = None
    ) -> WordIndex:
        """An index by words; nothing is computed before."""
        texts = ["\n".join(texts) for texts in texts_of(spans, said)]
        return WordIndex(spans=tuple(spans), lexicon=Lexicon(texts, pairs=self.pairs))
