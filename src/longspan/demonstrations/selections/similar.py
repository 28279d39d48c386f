"""The demonstrations most like the query."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from longspan.demonstrations.demonstration import Demonstration
from longspan.demonstrations.selections.base import Ranking, Scoring, Selection
from longspan.registry import Card
from longspan.retrieval.retrievers.base import Index, Retriever
from longspan.retrieval.retrievers.dense import Dense
from longspan.spans import Document, Span

CARD = Card(
    name="similar",
    target="longspan.demonstrations.selections.similar:Similar",
    paper="In-Context Learning for Text Classification with Many Labels",
    link="https://arxiv.org/abs/2309.10954",
    year=2023,
    training=False,
    changes="Shows the demonstrations most like the query, the most alike last, so that few of many labels need fit.",
    field=(122,),
)


@dataclass(frozen=True, kw_only=True)
class Similar(Selection):
    """The nearest demonstrations by a sentence encoder, in rising order. https://arxiv.org/abs/2309.10954

    With few labels of many in the window, those of texts like the query are the ones that matter. Deviations: the
    encoder is the embedded one unless another is given, and as many are shown as fit, where the paper shows 20 to 110;
    a retriever by words shows only those that share a word with the query.
    """

    retriever: Retriever = field(default_factory=Dense, metadata={"room": "retriever"})
    """What likeness is measured by: dense by meaning, bm25 by words, or another of the room."""

    def ranking(self, pool: Sequence[Demonstration], scoring: Scoring | None = None) -> Ranking:
        """An index of the texts. Raises ValueError for a retriever that needs a model's words."""
        index = text_index([each.text for each in pool], self.retriever)

        def ranked(query: str) -> Iterator[int]:
            return (number for number, _ in index.ranked(query))

        return ranked


def text_index(texts: Sequence[str], retriever: Retriever) -> Index:
    """Texts that can be searched, by their numbers. Raises ValueError for a retriever that needs a model's words."""
    if retriever.asks:
        raise ValueError(
            "retriever has to ask a model about each text, which selections do not; use bm25 or dense"
        )
    return retriever.index(
        [Span(Document(f"demonstration {number}", text), 0, len(text)) for number, text in enumerate(texts)]
    )
