"""Passages of which some token means what each token of the query means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from longspan.progress import Progress, Watcher
from longspan.registry import Card
from longspan.retrieval.embedders.base import Embedder
from longspan.retrieval.embedders.minilm import Minilm
from longspan.retrieval.retrievers.base import Index, Retriever, Rows, Said, best_first, texts_of
from longspan.retrieval.retrievers.dense import unit
from longspan.spans import Span

CARD = Card(
    name="late-interaction",
    target="longspan.retrieval.retrievers.late_interaction:LateInteraction",
    paper="HLTCOE at LiveRAG: GPT-Researcher using ColBERT retrieval",
    link="https://arxiv.org/abs/2506.22356",
    year=2025,
    training=False,
    trained=True,
    changes="Scores a passage by the sum, over the query's tokens, of the nearest of its own tokens' vectors.",
    field=(108,),
    missing="Token vectors are those of a sentence encoder instead of a trained ColBERT, all are compared instead of a "
    "compressed index, and nothing filters passages before they are read.",
)


@dataclass(frozen=True, kw_only=True)
class TokenIndex(Index):
    """Spans by the rows of their tokens, `[tokens, dimensions]` for all together; edges: where each begins."""

    rows: NDArray[np.float32] = field(repr=False, compare=False)
    edges: tuple[int, ...] = field(repr=False)
    embedder: Embedder

    def ranked(self, query: str) -> list[tuple[int, float]]:
        """All spans, by the mean over the query's tokens of the cosine to the nearest token."""
        if not self.edges:
            return []
        asked = unit(self.embedder.embed_tokens(query).rows)
        nearest = np.maximum.reduceat(self.rows @ asked.T, self.edges, axis=0)
        return best_first(nearest.mean(axis=1))


@dataclass(frozen=True, kw_only=True)
class LateInteraction(Retriever):
    """ColBERT's score, https://arxiv.org/abs/2004.12832, as HLTCOE retrieves by it, https://arxiv.org/abs/2506.22356.

    Its sub-queries are those of `fuse_hits`: each is searched, and what they find becomes one list. Deviations: see the
    card; the sum over the query's tokens is their mean.
    """

    embedder: Embedder = field(default_factory=Minilm, metadata={"room": "embedder"})
    """What makes vectors of tokens."""

    @property
    def identity(self) -> str:
        """That of the embedder, used so."""
        return f"tokens {self.embedder.identity}"

    def encode(
        self, spans: Sequence[Span], said: Said | None = None, progress: Watcher | None = None
    ) -> list[Rows]:
        """A row a token of length 1."""
        rows = []
        for number, texts in enumerate(texts_of(spans, said), start=1):
            rows.append(np.concatenate([unit(self.embedder.embed_tokens(text).rows) for text in texts]))
            if progress is not None:
                progress(Progress(processed=number, total=len(spans), unit="texts"))
        return rows

    def index(
        self, spans: Sequence[Span], *, said: Said | None = None, encoded: Sequence[Rows] | None = None
    ) -> TokenIndex:
        """An index by tokens."""
        rows = self.encode(spans, said) if encoded is None else encoded
        edges = np.cumsum([0, *(len(each) for each in rows)])[:-1].tolist()
        stacked = np.concatenate(rows) if rows else np.zeros((0, 1), np.float32)
        return TokenIndex(spans=tuple(spans), rows=stacked, edges=tuple(edges), embedder=self.embedder)
