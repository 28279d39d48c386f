"""Passages embedded with what stands around them: the document is encoded first, and cut afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from longspan.progress import Progress, Watcher
from longspan.registry import Card
from longspan.retrieval.embedders.base import Embedder, TokenRows
from longspan.retrieval.embedders.minilm import Minilm
from longspan.retrieval.retrievers.base import Rows, Said
from longspan.retrieval.retrievers.dense import Dense, unit
from longspan.spans import Document, Span

CARD = Card(
    name="late-chunks",
    target="longspan.retrieval.retrievers.late_chunks:LateChunks",
    paper="Late Chunking: Contextual Chunk Embeddings Using Long-Context Embedding Models",
    link="https://arxiv.org/abs/2409.04701",
    year=2024,
    training=False,
    changes="Encodes the document before it is cut, so that a passage's vector knows of what stands around it.",
    missing="Where a document is longer than what the encoder reads at a time, windows do not overlap.",
)


@dataclass(frozen=True, kw_only=True)
class LateChunks(Dense):
    """A passage's vector is the mean of its tokens' in the whole document. https://arxiv.org/abs/2409.04701

    Deviations: windows of a long document are of equal length and do not overlap; the authors' overlap by 512 tokens,
    and drop the second reading. What the encoder reads around a text counts to the first and the last passage, so that
    a document that is one passage has its plain vector. The embedder must take the mean of tokens.
    """

    alone: ClassVar[bool] = False

    embedder: Embedder = field(default_factory=lambda: Minilm(tokens=512), metadata={"room": "embedder"})
    """What makes vectors of tokens; the longer its window, the more a passage knows."""

    @property
    def identity(self) -> str:
        """That of the embedder, used so."""
        return f"late {self.embedder.identity}"

    def encode(
        self, spans: Sequence[Span], said: Said | None = None, progress: Watcher | None = None
    ) -> list[Rows]:
        """One row a span. Raises ValueError for texts that stand for spans: they are nowhere in the document."""
        if said is not None:
            raise ValueError(
                "said cannot be given to late-chunks, which reads documents as they are; leave it out"
            )
        read: dict[Document, TokenRows] = {}
        rows = []
        for number, span in enumerate(spans, start=1):
            if span.document not in read:
                read[span.document] = self.embedder.embed_tokens(span.document.text)
            rows.append(_pooled(read[span.document], span))
            if progress is not None:
                progress(Progress(processed=number, total=len(spans), unit="texts"))
        return rows


def _pooled(tokens: TokenRows, span: Span) -> Rows:
    """The mean of the tokens that begin in a span; of one in which none does, that of the token before it."""
    starts = np.asarray(tokens.starts)
    inside = (starts >= span.start) & (starts < span.end)
    if not inside.any():
        inside[max(0, int(np.searchsorted(starts, span.start, side="right")) - 1)] = True
    return unit(tokens.rows[inside].mean(axis=0, keepdims=True))
