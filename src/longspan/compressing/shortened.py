"""A document of which parts stay, as a shorter document that knows where each of its characters stood."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from longspan.spans import Document, Span


@dataclass(frozen=True, kw_only=True)
class Shortened:
    """What stays of a document.

    original: the document. spans: the parts that stay, in order, with something that is not blank between any two.
    """

    original: Document
    spans: tuple[Span, ...]

    @classmethod
    def of(cls, original: Document, parts: Iterable[Span]) -> Shortened:
        """Parts of a document in any order, those with nothing but blanks between them as one."""
        spans: list[Span] = []
        for part in sorted(parts, key=lambda each: (each.start, each.end)):
            if part.start == part.end:
                continue
            last = spans[-1] if spans else None
            if last is not None and not original.text[last.end : part.start].strip():
                spans[-1] = Span(original, last.start, max(last.end, part.end))
            else:
                spans.append(part)
        return cls(original=original, spans=tuple(spans))

    @cached_property
    def document(self) -> Document:
        """The shorter document under the same name: the parts, apart as they were by a line's end, a blank or nothing.

        Nothing marks what is left out, since a mark would be read, and counted, as part of the document.
        """
        return Document(self.original.name, "".join(text for _, text in self._pieces))

    @cached_property
    def whole(self) -> bool:
        """Whether nothing is left out."""
        return [(each.start, each.end) for each in self.spans] == [(0, len(self.original.text))]

    def back(self, start: int, end: int) -> Span:
        """Where characters of the shorter document stood: from the first of them to the last, whatever was between.

        What stands between two parts counts to the part behind it where it begins, and before it where it ends.
        """
        if not 0 <= start <= end <= len(self.document.text):
            raise ValueError(
                f"{start}:{end} is outside {self.original.name} as it is shortened; use 0 .. {len(self.document.text)}"
            )
        if not self.spans:
            return Span(self.original, 0, 0)
        first, last = self._part(start), self._part(max(start, end - 1))
        begin = self.spans[first].start + start - self.starts[first]
        if begin >= self.spans[first].end:  # at what keeps two parts apart, or at the end
            begin = self.spans[first + 1].start if first + 1 < len(self.spans) else self.spans[first].end
        stop = min(self.spans[last].end, self.spans[last].start + end - self.starts[last])
        return Span(self.original, begin, max(begin, stop))

    def apart(self, start: int, end: int) -> bool:
        """Whether something was left out between characters of the shorter document."""
        return self.back(start, end).text != self.document.text[start:end]

    @cached_property
    def starts(self) -> list[int]:
        """Where each of the parts begins in the shorter document."""
        return [at for at, _ in self._pieces if at >= 0]

    def _part(self, at: int) -> int:
        return max(0, bisect_right(self.starts, at) - 1)

    @cached_property
    def _pieces(self) -> list[tuple[int, str]]:
        """The texts of the shorter document: parts with where they begin, and what stands between them with −1."""
        found: list[tuple[int, str]] = []
        at, before = 0, None
        for span in self.spans:
            between = "" if before is None else _between(before, span)
            if between:
                found.append((-1, between))
                at += len(between)
            found.append((at, span.text))
            at += span.end - span.start
            before = span
        return found


def _between(one: Span, other: Span) -> str:
    """What keeps two parts apart that stood apart."""
    text = one.document.text
    if text[one.end - 1].isspace() or text[other.start].isspace():
        return ""
    left_out = text[one.end : other.start]
    if "\n" in left_out:
        return "\n"
    return " " if any(map(str.isspace, left_out)) else ""
