"""Passages found by words and by meaning, each as far as it knows what it speaks of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from longspan.parameters import check_range
from longspan.progress import Watcher
from longspan.registry import Card
from longspan.retrieval.fusing import fuse
from longspan.retrieval.retrievers.base import Index, Retriever, Rows, Said
from longspan.retrieval.retrievers.bm25 import Bm25, WordIndex
from longspan.retrieval.retrievers.dense import Dense, RowIndex
from longspan.spans import Span

CARD = Card(
    name="hybrid",
    target="longspan.retrieval.retrievers.hybrid:Hybrid",
    paper="Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods",
    link="https://doi.org/10.1145/1571941.1572114",
    year=2009,
    training=False,
    changes="Fuses the ranks by words and by meaning, each weighted by how much of the query it knows.",
)


@dataclass(frozen=True, kw_only=True)
class BothIndex(Index):
    """Spans by words and by rows."""

    words: WordIndex
    meaning: RowIndex
    constant: float

    def ranked(self, query: str) -> list[tuple[int, float]]:
        """Spans by their fused ranks; where words know nothing of the query, as by meaning alone, and so on."""
        by_words = [number for number, _ in self.words.ranked(query)]
        by_meaning = [number for number, _ in self.meaning.ranked(query)]
        weights = (self.words.lexicon.evidence(query) ** 2, self.meaning.embedder.known(query))
        return fuse((by_words, by_meaning), weights, self.constant)


@dataclass(frozen=True, kw_only=True)
class Hybrid(Retriever):
    """Fuses BM25 and an embedder. Reciprocal Rank Fusion, https://doi.org/10.1145/1571941.1572114.

    Deviation: a ranking that is blind for a query would pull the other one down, so each has a weight: words the square
    of the share of the query's rarity that the best passage holds, the embedder the share of the query's tokens that
    are in its vocabulary. In the paper both weigh the same.
    """

    words: Bm25 = field(default_factory=Bm25, metadata={"room": "retriever"})
    """How passages are found by words."""

    meaning: Dense = field(default_factory=Dense, metadata={"room": "retriever"})
    """How they are found by meaning."""

    constant: float = 60
    """What is added to ranks: the larger, the less the first ones stand out."""

    def __post_init__(self) -> None:
        check_range("constant", self.constant, 0)
        for name, kind in (("words", Bm25), ("meaning", Dense)):
            if not isinstance(getattr(self, name), kind):
                raise ValueError(f"{name}={getattr(self, name)!r} is no {kind.__name__.lower()} retriever")

    @property
    def identity(self) -> str:
        """That of the retriever by meaning."""
        return self.meaning.identity

    def encode(
        self, spans: Sequence[Span], said: Said | None = None, progress: Watcher | None = None
    ) -> list[Rows]:
        """One row a span, by meaning."""
        return self.meaning.encode(spans, said, progress)

    def index(
        self, spans: Sequence[Span], *, said: Said | None = None, encoded: Sequence[Rows] | None = None
    ) -> BothIndex:
        """An index by both."""
        return BothIndex(
            spans=tuple(spans),
            words=self.words.index(spans, said=said),
            meaning=self.meaning.index(spans, said=said, encoded=encoded),
            constant=self.constant,
        )
