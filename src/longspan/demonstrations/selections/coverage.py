"""Demonstrations that together have the words of the query."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from longspan.demonstrations.demonstration import Demonstration
from longspan.demonstrations.selections.base import Ranking, Scoring, Selection
from longspan.registry import Card
from longspan.spans.relevance import content_words

CARD = Card(
    name="coverage",
    target="longspan.demonstrations.selections.coverage:Coverage",
    paper="Coverage-based Example Selection for In-Context Learning",
    link="https://arxiv.org/abs/2305.14907",
    year=2023,
    training=False,
    changes="Shows demonstrations that together have the words of the query, instead of each being like it.",
    missing="Coverage is that of words alone, without the paper's contextual embeddings and syntax.",
)


@dataclass(frozen=True, kw_only=True)
class Coverage(Selection):
    """The query's vocabulary, covered by a set. https://arxiv.org/abs/2305.14907

    Each next demonstration is the one that has most of the words of the query that none before it has, rare words
    counting more; once nothing more is covered, a new set is begun. Demonstrations without a word of the query are not
    shown. Deviation: words, where the paper also covers contextual embeddings of them.
    """

    def ranking(self, pool: Sequence[Demonstration], scoring: Scoring | None = None) -> Ranking:
        """The words of each demonstration."""
        known = [frozenset(content_words(each.text)) for each in pool]
        count = Counter(word for each in known for word in each)

        def ranked(query: str) -> Iterator[int]:
            weights = {
                word: math.log(1 + len(pool) / count[word]) for word in content_words(query) if word in count
            }
            left = {number: each & weights.keys() for number, each in enumerate(known)}
            left = {number: each for number, each in left.items() if each}
            lacking = set(weights)
            while left:
                gains = {
                    number: sum(weights[word] for word in sorted(each & lacking))
                    for number, each in left.items()
                }
                best = max(gains, key=lambda number: (gains[number], -number))
                if not gains[best]:
                    lacking = set(weights)
                    continue
                yield best
                lacking -= left.pop(best)

        return ranked
