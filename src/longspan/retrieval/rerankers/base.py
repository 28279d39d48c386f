"""The contract of a reranker: a model puts the passages that were found in an order of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from longspan.retrieval.judge import Judge
from longspan.spans import Span


@dataclass(frozen=True, kw_only=True)
class Reranker(ABC):
    """Base of all rerankers, a method whose parameters are fields."""

    @abstractmethod
    def rank(self, query: str, spans: Sequence[Span], judge: Judge) -> list[int]:
        """The numbers of all spans, each once, best first; what the model says nothing of keeps its order.

        Raises ValueError where it needs probabilities and the judge has none.
        """
