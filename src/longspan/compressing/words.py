"""The words of a document as spans: the smallest parts that stay or go."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from longspan.spans import Document, Span
from longspan.spans.boundaries import inside_word, splits_character
from longspan.spans.scripts import HIRAGANA, IDEOGRAPHS, KATAKANA, SOUTHEAST

_RUN = re.compile(r"\S+")
_UNSPACED = re.compile(f"[{IDEOGRAPHS}{HIRAGANA}{KATAKANA}{SOUTHEAST}]")
_LONGEST = 40


def words(document: Document, start: int = 0, end: int | None = None) -> list[Span]:
    """The words between two offsets: ordered, disjoint, and every character that is not blank in one.

    Signs beside a word are part of it. Of scripts without blanks a word is what no boundary divides, a character
    mostly; what has no boundary in 40 characters is divided between any two.
    """
    text = document.text
    edges: list[tuple[int, int]] = []
    for run in _RUN.finditer(text, start, len(text) if end is None else end):
        first, last = run.span()
        if edges and _goes_on(text, edges[-1][1], first):
            first = edges.pop()[0]
        if last - first <= _LONGEST and not _UNSPACED.search(text, first, last):
            edges.append((first, last))
        else:
            edges += _divided(text, first, last)
    return [Span(document, *each) for each in edges]


def tokens_of(spans: Sequence[Span], offsets: Sequence[tuple[int, int]]) -> Iterator[range]:
    """For each of some ordered spans the tokens, by number, that stand for any of its characters.

    offsets: where each token of the document begins and ends, in their order.
    """
    first = 0
    for span in spans:
        while first < len(offsets) and offsets[first][1] <= span.start:
            first += 1
        last = first
        while last < len(offsets) and offsets[last][0] < span.end:
            last += 1
        yield range(first, last)


def _goes_on(text: str, before: int, at: int) -> bool:
    """Whether a word or a number goes on behind blanks, such as 10 000 or light-\\nhouse."""
    left, right = text[before - 1], text[at]
    if left.isalpha() and right.isalpha():
        return False
    return inside_word(text, before) or inside_word(text, at)


def _divided(text: str, first: int, last: int) -> Iterator[tuple[int, int]]:
    begin = first
    for at in range(first + 1, last):
        if _boundary(text, at) or (at - begin >= _LONGEST and not splits_character(text, at)):
            yield begin, at
            begin = at
    yield begin, last


def _boundary(text: str, at: int) -> bool:
    left, right = text[at - 1], text[at]
    if left.isalnum() and right.isalnum() and not _UNSPACED.search(left + right):
        return False  # as `inside_word` says, at a fraction of the time
    return not inside_word(text, at)
