"""A document as text with a name, and spans of it."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from longspan.spans.display import printable
from longspan.spans.reading import extract


class Place(NamedTuple):
    """Where a character stands. ``line`` counts from 1, within its page if the document has pages."""

    line: int
    page: int | None


@dataclass(frozen=True)
class Document:
    """Extracted text and the name under which it is shown and cited.

    ``page_starts`` holds the offset at which each page begins; it is empty for a document without
    pages. All offsets, here and in spans and citations, count characters of ``text``.
    """

    name: str
    text: str = field(repr=False)
    page_starts: tuple[int, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        starts = self.page_starts
        if starts and (starts[0] != 0 or starts[-1] > len(self.text) or list(starts) != sorted(starts)):
            raise ValueError(
                f"page_starts of {self.name} must ascend from 0 to at most {len(self.text)}; "
                "give the offset at which each page begins"
            )

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Document:
        """Read a text, Markdown, HTML, PDF, Word or source file; its name is the path as given.

        Line ends become ``\\n`` and a byte order mark is dropped, so the offsets are those of the file
        as Python reads it in text mode. Raises ``DocumentError`` if there is no such file, or no text
        in it that can be read in full.
        """
        name = printable(os.fspath(path), lines=False)
        return cls(name, *extract(Path(path), name))

    @property
    def blank_pages(self) -> tuple[int, ...]:
        """Numbers of the pages without text, such as scans among pages of text."""
        ends = (*self.page_starts[1:], len(self.text))
        return tuple(
            number
            for number, (start, end) in enumerate(zip(self.page_starts, ends, strict=False), start=1)
            if not self.text[start:end].strip()
        )

    def place(self, offset: int) -> Place:
        """The line, and the page if there are pages, of the character at ``offset``."""
        if not 0 <= offset <= len(self.text):
            raise ValueError(
                f"offset={offset} is outside {self.name}; use a value from 0 to {len(self.text)}"
            )
        page = bisect_right(self.page_starts, offset)
        start = self.page_starts[page - 1] if page else 0
        return Place(line=self.text.count("\n", start, offset) + 1, page=page or None)

    def describe(self, offset: int) -> str:
        """The place for display: ``notes.md, line 40`` or ``book.pdf, page 3, line 12``."""
        line, page = self.place(offset)
        name = printable(self.name, lines=False)
        return f"{name}, line {line}" if page is None else f"{name}, page {page}, line {line}"


@dataclass(frozen=True)
class Span:
    """The characters ``start`` to ``end`` (exclusive) of a document."""

    document: Document
    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end <= len(self.document.text):
            raise ValueError(
                f"span {self.start}:{self.end} is outside {self.document.name}; "
                f"use 0 <= start <= end <= {len(self.document.text)}"
            )

    @property
    def text(self) -> str:
        return self.document.text[self.start : self.end]


def merge(spans: Iterable[Span]) -> list[Span]:
    """The spans in their order, where those that touch or overlap their predecessor join it."""
    merged: list[Span] = []
    for span in spans:
        last = merged[-1] if merged else None
        if last and last.document == span.document and last.start <= span.start <= last.end:
            merged[-1] = Span(span.document, last.start, max(last.end, span.end))
        else:
            merged.append(span)
    return merged
