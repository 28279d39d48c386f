"""Demonstrations that stand for all others."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from longspan.demonstrations.demonstration import Demonstration
from longspan.demonstrations.selections.base import Ranking, Scoring, Selection
from longspan.registry import Card
from longspan.retrieval.embedders.base import Embedder
from longspan.retrieval.embedders.minilm import Minilm

CARD = Card(
    name="diverse",
    target="longspan.demonstrations.selections.diverse:Diverse",
    paper="Revisiting In-Context Learning with Long Context Language Models",
    link="https://arxiv.org/abs/2412.16926",
    year=2024,
    training=False,
    changes="Shows demonstrations that are far from one another and near to all others, the same for every query.",
)

_BLOCK = 1024


@dataclass(frozen=True, kw_only=True)
class Diverse(Selection):
    """Representatives of all demonstrations. https://arxiv.org/abs/2412.16926

    Deviation: the paper makes as many clusters by k-means as there are demonstrations and shows the one nearest to each
    centre; here each next one is that which brings all others nearest to something shown (the greedy way to the same
    end), so that a longer prompt begins with the shorter one.
    """

    by_query: ClassVar[bool] = False
    best_last: ClassVar[bool] = False

    embedder: Embedder = field(default_factory=Minilm, metadata={"room": "embedder"})
    """What makes vectors of texts."""

    def ranking(self, pool: Sequence[Demonstration], scoring: Scoring | None = None) -> Ranking:
        """One order for all queries, made as far as it is looked at."""
        rows = self.embedder.embed([each.text for each in pool])
        order, more = list[int](), representatives(rows)

        def ranked(query: str) -> Iterator[int]:
            yield from order
            for number in more:
                order.append(number)
                yield number

        return ranked


def representatives(rows: NDArray[np.float32]) -> Iterator[int]:
    """The numbers of rows of length 1, each the one by which the sum over all rows of the likeness to the most alike
    of those before it grows most, the first of equals.

    A gain can only fall as more are taken, so one that is still the largest when it is made anew is the largest.
    """
    near = np.zeros(len(rows), np.float32)
    waiting: list[tuple[float, int, int]] = []
    for start in range(0, len(rows), _BLOCK):
        gains = np.maximum(rows[start : start + _BLOCK] @ rows.T, 0).sum(axis=1)
        waiting += [(-float(gain), start + place, 0) for place, gain in enumerate(gains)]
    heapq.heapify(waiting)
    taken = 0
    while waiting:
        _, number, known = heapq.heappop(waiting)
        likeness = rows @ rows[number]
        if known < taken:
            fresh = -float(np.maximum(likeness - near, 0).sum())
            heapq.heappush(waiting, (fresh, number, taken))
            continue
        near = np.maximum(near, likeness)
        taken += 1
        yield number
