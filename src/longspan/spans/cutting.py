"""Cutting a document into sentences, to quote them, and into passages, to choose among them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from longspan.spans.document import Document, Span

_LONGEST_SENTENCE = 500
_CLOSERS = r"[\"'”’»)\]*_」』]"
# Where a sentence may end. Each alternative is linear in the text: a run is only tried from its start.
_ENDS = re.compile(
    rf"""\n[^\S\n]*(?=\n)                                           # a blank line
    | (?<![.!?…])[.!?…]++{_CLOSERS}*+(?=\s+(?P<next>\S))            # a mark, then blanks
    | [。！？]++{_CLOSERS}*+                                        # a mark of scripts without blanks
    | ^\#{{1,6}}[^\S\n].*$                                          # a heading
    | \n(?=[^\S\n]*(?:[-*+•|>]|\#{{1,6}}|\d{{1,3}}[.)])[^\S\n])     # before a heading or list item
    """,
    re.VERBOSE | re.MULTILINE,
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:[A-Z]|Mrs?|Ms|Dr|Prof|Rev|Gen|Col|Capt|Lt|St|Jr|Sr|vs|cf|pp?|Fig|Eq|No|Vol|Ch|e\.g|i\.e)"
    r"|^[^\S\n]*\d{1,3})\Z",
    re.MULTILINE,
)
# Where a passage is best cut, the best first; the end of a match is the place.
_BOUNDARIES = [
    re.compile(pattern)
    for pattern in (
        r"\n(?:[^\S\n]*\n)+",
        r"\n",
        rf"(?<![.!?…])[.!?…]++{_CLOSERS}*+\s+|[。！？]++{_CLOSERS}*+",
        r"\s+",
    )
]


def sentences(document: Document, start: int = 0, end: int | None = None) -> list[Span]:
    """The sentences between two offsets: ordered, disjoint, and every non-blank character in one.

    Headings and list items count as sentences. What is longer than 500 characters, such as a table or
    code, is cut further, at lines if it has them.
    """
    text = document.text
    found = []
    for first, last in _between_ends(text, Span(document, start, len(text) if end is None else end)):
        pieces = [(first, last)]
        if last - first > _LONGEST_SENTENCE:
            pieces = list(_pieces(text, first, last, _LONGEST_SENTENCE, len))
        for piece_start, piece_end in pieces:
            piece = text[piece_start:piece_end]
            if core := piece.strip():
                begin = piece_start + len(piece) - len(piece.lstrip())
                found.append(Span(document, begin, begin + len(core)))
    return found


def _between_ends(text: str, span: Span) -> Iterator[tuple[int, int]]:
    begin = span.start
    for mark in _ENDS.finditer(text, span.start, span.end):
        following = mark["next"]
        if following and (following.islower() or _abbreviates(text, mark, begin)):
            continue
        yield begin, mark.end()
        begin = mark.end()
    yield begin, span.end


def _abbreviates(text: str, mark: re.Match[str], begin: int) -> bool:
    return mark[0] == "." and bool(_ABBREVIATION.search(text, max(begin, mark.start() - 12), mark.start()))


def passages(document: Document, size: int, count: Callable[[str], int]) -> list[Span]:
    """The document as passages of at most ``size`` tokens, which joined give its text exactly.

    ``count`` gives the number of tokens of a text. A passage ends, if its second half allows, after a
    blank line, else a line, a sentence, a word; a word longer than a passage is cut. ``count`` sees each
    character a few times, whatever the length of the document.
    Raises ``ValueError`` if ``size`` is less than one character takes.
    """
    if size < 1:
        raise ValueError(f"size={size} tokens holds no text; use 1 or more")
    return [Span(document, *piece) for piece in _pieces(document.text, 0, len(document.text), size, count)]


def _pieces(
    text: str, start: int, end: int, size: int, count: Callable[[str], int]
) -> Iterator[tuple[int, int]]:
    width = 4 * size  # characters to try first; later what the piece before took
    while start < end:
        longest = _longest_fit(text, start, end, size, count, width)
        if longest == start:
            needed = count(text[start])
            raise ValueError(f"size={size} tokens is less than one character takes; use {needed} or more")
        cuts = (cut for cut in _cuts(text, start, longest, end) if count(text[start:cut]) <= size)
        cut = next(cuts, longest)
        yield start, cut
        start, width = cut, longest - start


def _longest_fit(text: str, start: int, end: int, size: int, count: Callable[[str], int], width: int) -> int:
    """The end of a piece of at most ``size`` tokens that is filled to nine tenths, or as far as can be."""
    fits, over = start, end + 1  # the longest end known to fit, the shortest known not to
    tried = min(start + width, end)
    while True:
        tokens = count(text[start:tried])
        reach = int((tried - start) * 0.97 * size / max(tokens, 1))
        if tokens <= size:
            fits = tried
            if fits == end or tokens >= 0.9 * size:
                return fits
            reach = min(max(reach, tried - start + 1), 4 * (tried - start))
        else:
            over = tried
        if over - fits <= 1 or fits - start > 0.9 * (over - start):
            return fits
        tried = min(start + reach, end)
        if not fits < tried < over:
            tried = (fits + over) // 2


def _cuts(text: str, start: int, longest: int, end: int) -> Iterator[int]:
    """Places to cut before ``longest``, the best first."""
    if longest == end:
        yield end
    middle = start + (longest - start) // 2
    for boundary in _BOUNDARIES:
        yield from _last(boundary, text, middle, longest)
    yield from _last(_BOUNDARIES[-1], text, start, middle)


def _last(boundary: re.Pattern[str], text: str, start: int, end: int) -> list[int]:
    return [match.end() for match in boundary.finditer(text, start, end)][-1:]
