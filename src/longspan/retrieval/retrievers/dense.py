"""Passages that mean what the query means, in whatever words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from longspan.progress import Watcher
from longspan.registry import Card
from longspan.retrieval.embedders.base import Embedder
from longspan.retrieval.embedders.minilm import Minilm
from longspan.retrieval.retrievers.base import Index, Retriever, Rows, Said, best_first, texts_of
from longspan.spans import Span

CARD = Card(
    name="dense",
    target="longspan.retrieval.retrievers.dense:Dense",
    paper="Dense Passage Retrieval for Open-Domain Question Answering",
    link="https://arxiv.org/abs/2004.04906",
    year=2020,
    training=True,
    changes="Finds the passages whose vectors lie nearest to that of the query, whatever words they use.",
)


@dataclass(frozen=True, kw_only=True)
class RowIndex(Index):
    """Spans by a row of length 1 each, `[spans, dimensions]`."""

    rows: NDArray[np.float32] = field(repr=False, compare=False)
    embedder: Embedder

    def ranked(self, query: str) -> list[tuple[int, float]]:
        """All spans, by the cosine of the angle between their row and that of the query."""
        if not len(self.rows):
            return []
        return best_first(self.rows @ self.embedder.embed_query(query))


@dataclass(frozen=True, kw_only=True)
class Dense(Retriever):
    """Finds passages by an encoder that was trained for it, https://arxiv.org/abs/2004.04906, compared one by one.

    Several texts that stand for one span become the mean of their rows.
    """

    embedder: Embedder = field(default_factory=Minilm, metadata={"room": "embedder"})
    """What makes vectors of texts."""

    @property
    def identity(self) -> str:
        """That of the embedder."""
        return self.embedder.identity

    def encode(
        self, spans: Sequence[Span], said: Said | None = None, progress: Watcher | None = None
    ) -> list[Rows]:
        """One row a span."""
        texts = texts_of(spans, said)
        flat = [text for each in texts for text in each]
        if not flat:
            return []
        rows = self.embedder.embed(flat, progress)
        edges = np.cumsum([0, *(len(each) for each in texts)])
        return [unit(rows[first:last].mean(axis=0, keepdims=True)) for first, last in pairwise(edges)]

    def index(
        self, spans: Sequence[Span], *, said: Said | None = None, encoded: Sequence[Rows] | None = None
    ) -> RowIndex:
        """An index by meaning."""
        rows = self.encode(spans, said) if encoded is None else encoded
        stacked = np.concatenate(rows) if rows else np.zeros((0, 1), np.float32)
        return RowIndex(spans=tuple(spans), rows=stacked, embedder=self.embedder)


def unit(rows: Rows) -> Rows:
    """Rows of length 1; zeros stay zeros."""
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    found: Rows = (rows / np.maximum(lengths, 1e-12)).astype(np.float32)
    return found
