"""A document as text with a name, and spans of it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from longspan.spans.display import escaped, printable
from longspan.spans.formats.opening import extract, extract_bytes
from longspan.spans.places import Place, Places


@dataclass(frozen=True)
class Document:
    """Extracted text and the name under which it is shown and cited.

    All offsets, here and in spans and citations, count characters of ``text``; ``places`` knows where they stand in
    the file. ``notes`` says in a line each what is in the file and not in the text.
    """

    name: str
    text: str = field(repr=False)
    places: Places = field(default_factory=Places, repr=False)
    notes: tuple[str, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        self.places.check(self.name, len(self.text))

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Document:
        """Read a file of any format of docs/documents.md; its name is the path as given.

        What a terminal could not show of the path stands in the name as Python writes it, such as ``x\\xe8.txt``.
        Line ends become ``\\n`` and a byte order mark is dropped, so the offsets are those of the file
        as Python reads it in text mode. Raises ``DocumentError`` if there is no such file, or no text
        in it that can be read in full.
        """
        name = escaped(os.fspath(path))
        found = extract(Path(path), name)
        return cls(name, found.text, found.places, found.notes)

    @classmethod
    def of(cls, data: bytes, name: str) -> Document:
        """Read what ``open`` would read in a file with these bytes."""
        found = extract_bytes(data, "", name)
        return cls(name, found.text, found.places, found.notes)

    @property
    def blank_pages(self) -> tuple[int, ...]:
        """Numbers of the pages without text of their own, such as scans among pages of text, stamped or not.

        A slide or a sheet has its pictures in `notes`, and none is blank."""
        if self.places.unit != "page":
            return ()
        starts = self.places.page_starts
        ends = (*starts[1:], len(self.text))
        return tuple(
            number
            for number, (start, end) in enumerate(zip(starts, ends, strict=False), start=1)
            if number in self.places.pictures or not self.text[start:end].strip()
        )

    def place(self, offset: int) -> Place:
        """Where the character at ``offset`` stands in the file."""
        if not 0 <= offset <= len(self.text):
            raise ValueError(
                f"offset={offset} is outside {self.name}; use a value from 0 to {len(self.text)}"
            )
        return self.places.of(self.text, offset)

    def describe(self, offset: int, end: int | None = None, *, name: str | None = None) -> str:
        """The place for display: ``notes.md, line 40``, ``book.pdf, page 3 (iv), line 12`` or
        ``letter.docx, under “Payment”``, ``talk.pptx, slide 4``, ``sales.xlsx, sheet Orders, cell B7``; the bare name
        where a person could not find more.

        With ``end``, the place of the characters up to it: ``book.pdf, page 3, line 12 to page 4, line 2`` where they
        go over a page. ``name`` stands for the document's own where that is not enough to tell it from another.
        """
        unit = self.places.unit
        parts = [self.name if name is None else name, *_described(self.place(offset), unit)]
        said = ", ".join(parts)
        if end is not None and end > offset and self.place(end - 1).page != self.place(offset).page:
            said += " to " + ", ".join(_described(self.place(end - 1), unit))
        return printable(said, lines=False)


def _described(place: Place, unit: str) -> list[str]:
    parts = []
    if place.page is not None and unit == "sheet":
        parts.append(f"sheet {place.label}")
    elif place.page is not None:
        parts.append(f"{unit} {place.page}" + (f" ({place.label})" if place.label else ""))
    if place.line is not None and place.column is not None and unit == "sheet":
        parts.append(f"cell {place.column}{place.line}")
    elif place.line is not None:
        parts.append(f"{'row' if unit == 'sheet' else 'line'} {place.line}")
        parts += [f"column {place.column}"] if place.column is not None else []
    elif place.heading and place.page is None:
        parts.append(f"under “{place.heading}”")
    if place.spot:
        parts.append(place.spot)
    return parts


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
