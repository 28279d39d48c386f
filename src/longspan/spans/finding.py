"""Where a quotation stands in what was read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property

from longspan.spans.boundaries import inside_word
from longspan.spans.document import Span
from longspan.spans.folding import LINE_MARK, fold, without_points
from longspan.spans.furniture import furniture
from longspan.spans.scripts import POINTS
from longspan.spans.traced import Traced

_AROUND = 64  # characters before and behind what was read, in which a word that was cut goes on
_FARTHEST = 400  # characters that an ellipsis may stand for
_MAX_PARTS = 16
_OMISSION = re.compile(
    r"[\[(]\s*(?:\.\s?\.\s?\.|…|⋯)\s*[\])]|\.(?:\s?\.){2,}|…+|⋯+|‥+|。{3,}|・{3,}|\[[^\[\]\n]{1,40}\]"
)
_POINT = re.compile(f"[{POINTS}]")
_CHANGED_LETTER = re.compile(r"\[(\w)\](?=\w)")
_BRACKETED = re.compile(r"\[(\w[^\[\]\n]{0,40})\]")
_ENDING = ".,;:、。，．；："  # what the answer's own sentence may put before the closing mark
_CASED = 4  # characters; a shorter part must be found in its own case


class Read:
    """A part of a document, ready to be searched."""

    def __init__(self, span: Span) -> None:
        self.span = span
        self._start = max(0, span.start - _AROUND)
        self._end = min(len(span.document.text), span.end + _AROUND)

    @cached_property
    def text(self) -> Traced:
        """As it is."""
        return Traced(self.span.document.text[self._start : self._end])

    @cached_property
    def folded(self) -> Traced:
        """As all texts that read alike."""
        return fold(self.text.text)

    @cached_property
    def without_furniture(self) -> Traced | None:
        """Folded without headers and footers; None where no page has any."""
        places = [
            (start - self._start, end - self._start)
            for start, end in furniture(self.span.document)
            if self._start <= start and end <= self._end
        ]
        return fold(self.text.text, places) if places else None

    @cached_property
    def without_points(self) -> Traced | None:
        """Folded without vowel points; None where there are none."""
        found = without_points(self.folded)
        return found if found is not self.folded else None

    def place(self, text: Traced, start: int, end: int) -> tuple[int, int] | None:
        """Offsets in the document for offsets in one of the texts; None unless a quote may begin and end there."""
        found = text.origin(start, end)
        if found is None:
            return None
        first, last = (each + self._start for each in found)
        source = self.span.document.text
        within = self.span.start <= first < last <= self.span.end
        return (
            (first, last)
            if within and not inside_word(source, first) and not inside_word(source, last)
            else None
        )


def find(wording: str, read: Sequence[Read]) -> Span | None:
    """The first place that says this, not inside a word or number, with the document's own wording.

    Besides what `fold` evens out, the wording may lack the vowel points of the text, the first letter may have another
    case, and a comma, colon or full stop at the end may be the answer's own. Where the wording leaves something out
    (…, [...]) or brackets words of its own, its parts stand there in their order, each within 400 characters of the one
    before; the place is then from the first to the last. The wording as it is comes first.
    """
    for kind in ("text", "folded", "without_furniture", "without_points"):
        form = str.strip if kind == "text" else _folded
        for reading in _readings(wording):
            parts = [form(part) for part in reading]
            if not all(re.search(r"\w", part) for part in parts):
                continue
            if kind == "without_points" and any(_POINT.search(part) for part in parts):
                continue
            for each in read:
                text: Traced | None = getattr(each, kind)
                if text is not None and (place := _search(each, text, parts)):
                    return Span(each.span.document, *place)
    return None


def _folded(part: str) -> str:
    return fold(re.sub(rf"\A{LINE_MARK}", "", part)).text.strip()


def _readings(wording: str) -> Iterator[list[str]]:
    """The parts of which a wording consists, in each way in which it may be meant."""
    wordings = [wording]
    if "[" in wording:
        wordings += [_CHANGED_LETTER.sub(lambda match: match[1].swapcase(), wording)]
        wordings += [_BRACKETED.sub(r"\1", each) for each in (wordings[1], wording)]
    seen = []
    for parts in [*([each] for each in wordings), *map(_parts, reversed(wordings))]:
        if parts not in seen and 0 < len(parts) <= _MAX_PARTS:
            seen.append(parts)
            yield parts


def _parts(wording: str) -> list[str]:
    """What stands between omissions."""
    return [part for each in _OMISSION.split(wording) if re.search(r"\w", part := each.strip())]


def _search(read: Read, text: Traced, parts: Sequence[str]) -> tuple[int, int] | None:
    """The first place of all parts in their order, near each other."""
    *inner, last = parts
    ending = last[len(last.rstrip(_ENDING)) :]
    cores = [*inner, last[: len(last) - len(ending)].rstrip()]
    if not all(cores):
        return None
    for start, end in _occurrences(text.text, cores[0], 0, len(text.text)):
        first = read.place(text, start, end)
        if first is None:
            continue
        place: tuple[int, int] | None = first
        for core in cores[1:]:
            place, end = _next(read, text, core, end)
            if place is None:
                break
        if place is None:
            continue
        if (
            ending
            and text.text.startswith(ending, end)
            and (longer := read.place(text, end, end + len(ending)))
        ):
            place = longer
        return first[0], place[1]
    return None


def _next(read: Read, text: Traced, core: str, behind: int) -> tuple[tuple[int, int] | None, int]:
    """The first place of a part near the one before it, and where it ends in the searched text."""
    for start, end in _occurrences(text.text, core, behind, behind + _FARTHEST + len(core)):
        if place := read.place(text, start, end):
            return place, end
    return None, behind


def _occurrences(text: str, core: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Where a wording stands, its first letter in any case."""
    head, body = core[0], core[1:]
    if len(core) < _CASED or head.swapcase() == head or len(head.swapcase()) != 1:
        head, body = "", core
    at = text.find(body, start + len(head), end)
    while at >= 0:
        first, last = at - len(head), at + len(body)
        if (not head or text[first] in (head, head.swapcase())) and not (
            _glued(text, first) or _glued(text, last)
        ):
            yield first, last
        at = text.find(body, at + 1, end)


def _glued(text: str, at: int) -> bool:
    """Whether a place is between plain letters: the quick answer for most that `inside_word` would refuse."""
    pair = text[at - 1 : at + 1] if at else ""
    return len(pair) == 2 and pair.isascii() and pair.isalnum()
