"""What an answer claims, sentence by sentence, and where in what was read each of it comes from."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from longspan.spans.cutting import sentences
from longspan.spans.document import Document, Span, merge
from longspan.spans.finding import Read, find
from longspan.spans.markup import shown
from longspan.spans.quotations import Quotation, quotations
from longspan.spans.relevance import content_words
from longspan.spans.stated import denies, numbers

State = Literal["verified", "supported", "similar", "unverified"]

_SHARE = 0.5
_DENIED = 2  # words
_TRIED = 5  # of the best sentences


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A sentence of an answer, and what it rests on.

    state: "verified" where everything that it quotes stands in what was read, word for word; "similar" where a passage
    holds at least half of its content words and all of its numbers, and denies where it denies, which says where to
    look and not that it is true; "supported" where it does, and a model that was asked whether the passage says it
    tended to yes, see `flows.checking`; "unverified" otherwise, also where a quotation is found nowhere.
    """

    text: str
    sources: tuple[Span, ...]
    state: State

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it; offsets count characters of the document's text, the end is exclusive."""
        sources = [
            {
                "document": each.document.name,
                "start": each.start,
                "end": each.end,
                "place": each.document.describe(each.start, each.end),
            }
            for each in self.sources
        ]
        return {"text": self.text, "state": self.state, "sources": sources}


def claims(answer: str, read: Sequence[Span]) -> tuple[Claim, ...]:
    """The sentences of an answer as claims about what was read."""
    return Basis(read).claims(answer)


class Basis:
    """What was read, made ready for the claims of one text after another."""

    def __init__(self, read: Sequence[Span]) -> None:
        read = merge(read)
        self._pool, self._searched = _Pool(read), [Read(span) for span in read]

    def claims(self, answer: str) -> tuple[Claim, ...]:
        """The sentences of an answer as claims about it."""
        said = Document("answer", shown(answer))
        return tuple(
            _claim(sentence.text.strip(), self._pool, self._searched)
            for sentence in sentences(said, 0, len(said.text))
            if _words(sentence.text)
        )


def _claim(text: str, pool: _Pool, searched: Sequence[Read]) -> Claim:
    quoted = quotations(text)
    if quoted:
        places = [_place(each, searched) for each in quoted]
        sources = tuple(place for place in places if place is not None)
        return Claim(
            text=text, sources=sources, state="verified" if len(sources) == len(quoted) else "unverified"
        )
    source = pool.supporting(text)
    if source is None:
        return Claim(text=text, sources=(), state="unverified")
    return Claim(text=text, sources=(source,), state="similar")


def _place(quotation: Quotation, searched: Sequence[Read]) -> Span | None:
    found = (find(wording, searched) for wording in quotation.wordings)
    return next((place for place in found if place is not None), None)


class _Pool:
    """The sentences of what was read, and in which of them each word stands."""

    def __init__(self, read: Sequence[Span]) -> None:
        self._sentences = [
            sentence
            for span in read
            for sentence in sentences(span.document, span.start, span.end)
            if sentence.text.strip()
        ]
        self._holding: dict[str, list[int]] = {}
        for number, sentence in enumerate(self._sentences):
            for word in _words(sentence.text):
                self._holding.setdefault(word, []).append(number)

    def supporting(self, text: str) -> Span | None:
        """The best sentence, alone or with a neighbour, that holds enough of a claim's words and all its numbers.

        It denies what the claim denies, and nothing else.
        """
        words, counted = _words(text), numbers(text)
        scores: dict[int, float] = defaultdict(float)
        for word in words:
            holding = self._holding.get(word, ())
            for number in holding:
                scores[number] += math.log1p(len(self._sentences) / len(holding))
        best = sorted(scores, key=lambda number: (-scores[number], number))[:_TRIED]
        for part in (part for number in best for part in self._around(number)):
            shared = words & _words(part.text)
            if (
                len(shared) >= _SHARE * len(words)
                and counted <= numbers(part.text)
                and _agree(text, part.text, shared - counted)
            ):
                return part
        return None

    def _around(self, number: int) -> list[Span]:
        """A sentence alone, then with the one before it and with the one behind it in its document."""
        pairs = [(number, number), (number - 1, number), (number, number + 1)]
        found = []
        for first, last in pairs:
            if first >= 0 and last < len(self._sentences):
                one, other = self._sentences[first], self._sentences[last]
                if one.document is other.document and one.start <= other.start:
                    found.append(Span(one.document, one.start, other.end))
        return found


def _agree(claim: str, passage: str, shared: set[str]) -> bool:
    """Whether both deny what they share, or neither; what they share must be enough for the passage to deny it."""
    if denies(claim, shared):
        return denies(passage, shared)
    return len(shared) < _DENIED or not denies(passage, shared)


def _words(text: str) -> set[str]:
    return {*content_words(text), *numbers(text)}
