"""Which texts speak of a question: BM25, by bm25s."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

# Chinese and Japanese have no blanks between words, so there each character counts as one.
_UNSPACED = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+"


def content_words(text: str) -> list[str]:
    """The distinct words of a text in their order, in lower case, without English stop words."""
    [words] = _words([text], return_ids=False)
    return list(dict.fromkeys(words))


def relevance(texts: Sequence[str], query: str) -> list[float]:
    """The BM25 score of each text for the query: 0 if they share no content word."""
    corpus = _words(texts, return_ids=True)
    words = [word for word in content_words(query) if word in corpus.vocab]
    if not words:
        return [0.0] * len(texts)
    import bm25s

    index = bm25s.BM25()
    index.index(corpus, show_progress=False)
    scores: list[float] = index.get_scores(words).tolist()
    return scores


def _words(texts: Sequence[str], *, return_ids: bool) -> Any:
    import bm25s
    from bm25s.stopwords import STOPWORDS_EN_PLUS

    logging.getLogger("bm25s").setLevel(logging.WARNING)  # importing it turns on its debug messages
    return bm25s.tokenize(
        list(texts),
        token_pattern=_WORD,
        stopwords=list(STOPWORDS_EN_PLUS),
        return_ids=return_ids,
        show_progress=False,
    )
