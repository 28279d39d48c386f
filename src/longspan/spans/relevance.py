"""Which texts speak of a question: BM25, by bm25s."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache

from longspan.spans.words import words


def content_words(text: str) -> list[str]:
    """The distinct words of a text in their order, see ``words``, without English stop words."""
    return [word for word in dict.fromkeys(words(text)) if word not in _stop_words()]


def relevance(texts: Sequence[str], query: str) -> list[float]:
    """The BM25 score of each text for the query: 0 if they share no word.

    Stop words count only in a query that has no other word.
    """
    corpus = [list(words(text)) for text in texts]
    known = {word for each in corpus for word in each}
    asked = [word for word in content_words(query) or dict.fromkeys(words(query)) if word in known]
    if not asked:
        return [0.0] * len(texts)
    logging.getLogger("bm25s").setLevel(logging.WARNING)  # importing it turns on its debug messages
    import bm25s

    index = bm25s.BM25()
    index.index(corpus, show_progress=False)
    scores: list[float] = index.get_scores(asked).tolist()
    return scores


@cache
def _stop_words() -> frozenset[str]:
    from bm25s.stopwords import STOPWORDS_EN_PLUS

    return frozenset(word for each in STOPWORDS_EN_PLUS for word in (each, *words(each)))
