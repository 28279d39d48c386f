"""A selection holds while queries are alike."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.parameters import check_range
from longspan.registry import Card
from longspan.selectors.base import Visit
from longspan.selectors.groupings.base import Picked
from longspan.selectors.reuses.base import Kept, Recall, Reuse

CARD = Card(
    name="similar",
    target="longspan.selectors.reuses.similar:Similar",
    paper="TokenSelect: Efficient Long-Context Inference and Length Extrapolation for LLMs via Dynamic "
    "Token-Level KV Cache Selection",
    link="https://arxiv.org/abs/2411.02886",
    year=2024,
    training=False,
    changes="A choice holds while queries are like the one that made it.",
)


@dataclass(frozen=True, kw_only=True)
class Similar(Reuse):
    """The selection cache of TokenSelect, https://arxiv.org/abs/2411.02886."""

    threshold: float = 0.9
    """A choice holds while the cosine of the query, all heads as one vector, with the query that made it is above
    this.
    """

    def __post_init__(self) -> None:
        check_range("threshold", self.threshold, -1.0, 1.0)

    def recall(self) -> Recall:
        """No choice yet."""
        return LastQuery(self.threshold)


class LastQuery(Kept):
    """The last choice, and the query that made it."""

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self._threshold = threshold
        self._query: Tensor | None = None

    def holds(self, visit: Visit) -> bool:
        """Whether this query is like the one that chose."""
        if self._query is None:
            return False
        return float(torch.cosine_similarity(_direction(visit), self._query, dim=0)) > self._threshold

    def remember(self, visit: Visit, picked: Picked) -> None:
        """The choice and its query; the recent entries go on with the queries, however long it holds."""
        super().remember(visit, picked._replace(stop=None))
        self._query = _direction(visit)

    def tensors(self) -> dict[str, Tensor]:
        """Query and choice."""
        return super().tensors() | ({} if self._query is None else {"query": self._query})

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Takes them back."""
        super().load(tensors)
        self._query = tensors.get("query")


def _direction(visit: Visit) -> Tensor:
    return visit.query.float().mean(1).flatten()
