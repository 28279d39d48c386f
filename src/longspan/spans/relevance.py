"""Which texts speak of a question: BM25, by bm25s."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Sequence
from functools import cache

from longspan.spans.words import pairs as pairs_of
from longspan.spans.words import words


def content_words(text: str) -> list[str]:
    """The distinct words of a text in their order, see ``words``, without English stop words."""
    return [word for word in dict.fromkeys(words(text)) if word not in _stop_words()]


class Lexicon:
    """The words of texts, to be asked many times.

    pairs: whether neighbouring characters of Chinese and Japanese count as words too, see ``words.pairs``.
    """

    def __init__(self, texts: Sequence[str], *, pairs: bool = False) -> None:
        self._pairs, self._count = pairs, len(texts)
        corpus = [[*words(text), *(pairs_of(text) if pairs else ())] for text in texts]
        self._corpus = [frozenset(each) for each in corpus]
        self._known = Counter(word for each in self._corpus for word in each)
        if not self._known:
            return
        logging.getLogger("bm25s").setLevel(logging.WARNING)  # importing it turns on its debug messages
        import bm25s

        self._index = bm25s.BM25()
        self._index.index(corpus, show_progress=False)

    def scores(self, query: str) -> list[float]:
        """The BM25 score of each text for the query: 0 if they share no word.

        Stop words count only in a query that has no other word.
        """
        asked = [word for word in self._asked(query) if word in self._known]
        if not asked:
            return [0.0] * self._count
        found: list[float] = self._index.get_scores(asked).tolist()
        return found

    def evidence(self, query: str) -> float:
        """How much of a query the best text holds: the share of its words, each as rare as it is; 0 if none.

        A word that no text has counts as much as one that a single text has.
        """
        asked = self._asked(query)
        scores = self.scores(query)
        if not any(scores):
            return 0.0
        best = self._corpus[scores.index(max(scores))]
        rare = {word: math.log(1 + self._count / max(1, self._known[word])) for word in asked}
        return sum(rare[word] for word in asked if word in best) / sum(rare.values())

    def _asked(self, query: str) -> list[str]:
        asked = content_words(query) or list(dict.fromkeys(words(query)))
        return [*asked, *dict.fromkeys(pairs_of(query))] if self._pairs else asked


def relevance(texts: Sequence[str], query: str) -> list[float]:
    """The BM25 score of each text for the query: 0 if they share no word.

    Stop words count only in a query that has no other word.
    """
    return Lexicon(texts).scores(query)


@cache
def _stop_words() -> frozenset[str]:
    from bm25s.stopwords import STOPWORDS_EN_PLUS

    return frozenset(word for each in STOPWORDS_EN_PLUS for word in (each, *words(each)))
