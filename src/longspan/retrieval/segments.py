"""Documents cut where a library says that sentences end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from longspan.spans import Document, Span, passages

Split: TypeAlias = Callable[[str], Iterable[str]]
"""A text in pieces, which joined are the text; with wtpsplit `partial(SaT(FOLDER).split, strip_whitespace=False)`."""


def segmented(document: Document, split: Split, size: int, count: Callable[[str], int]) -> list[Span]:
    """A document as passages of whole pieces that a library makes, at most `size` long by `count`; they tile it.

    So sentences may be those of Segment any Text, https://arxiv.org/abs/2406.16678, with weights of one's own. A piece
    that is longer is cut as `spans.passages` cuts. Raises ValueError where the pieces are not the text: libraries drop
    blanks unless told otherwise.
    """
    found: list[Span] = []
    start = end = 0
    for piece in split(document.text):
        stop = end + len(piece)
        if document.text[end:stop] != piece:
            raise ValueError(
                f"split gives {piece[:40]!r} where {document.name} has {document.text[end:stop][:40]!r}; "
                "have it keep blanks, so that its pieces are the text"
            )
        if count(document.text[start:stop]) > size and end > start:
            found += _fitting(Span(document, start, end), size, count)
            start = end
        end = stop
    if end != len(document.text):
        raise ValueError(
            f"split ends {len(document.text) - end:,} characters before the end of {document.name}; have it keep them"
        )
    return found + _fitting(Span(document, start, end), size, count)


def _fitting(span: Span, size: int, count: Callable[[str], int]) -> list[Span]:
    if span.start == span.end:
        return []
    if count(span.text) <= size:
        return [span]
    inside = passages(Document(span.document.name, span.text), size, count)
    return [Span(span.document, span.start + each.start, span.start + each.end) for each in inside]
