"""How alike two texts are, by their words."""

from __future__ import annotations

from collections import Counter

from longspan.spans.words import words

_ARTICLES = frozenset(("a", "an", "the"))


def shared(first: str, second: str) -> float:
    """F1 of the words of two texts, whatever their case, marks and articles: 1 where they are the same, also none."""
    one, other = _words(first), _words(second)
    if not one or not other:
        return float(one == other)
    return 2 * (one & other).total() / (one.total() + other.total())


def held(text: str, other: str) -> float:
    """The share of a text's words that another one has, too; 1 where it has no words."""
    wanted = _words(text)
    return (wanted & _words(other)).total() / wanted.total() if wanted else 1.0


def _words(text: str) -> Counter[str]:
    return Counter(word for word in words(text) if word not in _ARTICLES)
