"""Demonstrations at random."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from longspan.demonstrations.demonstration import Demonstration, labels_of
from longspan.demonstrations.selections.base import Ranking, Scoring, Selection
from longspan.registry import Card

CARD = Card(
    name="random",
    target="longspan.demonstrations.selections.random:Random",
    paper="Revisiting In-Context Learning with Long Context Language Models",
    link="https://arxiv.org/abs/2412.16926",
    year=2024,
    training=False,
    changes="Shows demonstrations at random, the same for every query, so that they are read once.",
    field=(237,),
)


@dataclass(frozen=True, kw_only=True)
class Random(Selection):
    """Demonstrations at random, which is as good as any choice where the window holds many of them.

    https://arxiv.org/abs/2412.16926. A longer prompt of the same seed begins with the shorter one.
    """

    by_query: ClassVar[bool] = False
    best_last: ClassVar[bool] = False

    seed: int = 0
    """Of the draw; equal seeds draw the same from equal demonstrations."""

    balanced: bool = False
    """Whether they come in rounds that have each label once."""

    def ranking(self, pool: Sequence[Demonstration], scoring: Scoring | None = None) -> Ranking:
        """One order for all queries."""
        draw = random.Random(self.seed)  # noqa: S311
        order = draw.sample(range(len(pool)), len(pool))
        if self.balanced:
            order = _rounds(order, pool)

        def ranked(query: str) -> Iterator[int]:
            return iter(order)

        return ranked


def _rounds(order: Sequence[int], pool: Sequence[Demonstration]) -> list[int]:
    """An order in which every label comes once before any comes again, as far as there are demonstrations."""
    of_label: dict[str, list[int]] = {label: [] for label in labels_of(pool[number] for number in order)}
    turns = []
    for place, number in enumerate(order):
        mine = of_label[pool[number].label]
        turns.append((len(mine), place, number))
        mine.append(number)
    return [number for _, _, number in sorted(turns)]
