"""What a text rests on: passages of sources for each part, and the checked place of each of its sentences."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from longspan.flows.base import parts
from longspan.flows.passages import Ranking
from longspan.flows.prompting import enclosed
from longspan.spans import Claim, Document, Span, sentences
from longspan.spans.claims import Basis, State
from longspan.spans.rendering import titles

_MARK = re.compile(
    r"[ \t]*[\[【](?:(?i:sources?|passages?|notes?|refs?)[ .:]*)?(\d{1,4}(?:\s*[-–,;]\s*(?:\[?\d{1,4}\]?))*)[\]】]"
)
_NUMBER = re.compile(r"\d+")
_BETTER: dict[State, int] = {"verified": 3, "supported": 2, "similar": 1, "unverified": 0}


class Shelf:
    """Passages of sources, `passages`, found by what they speak of; `titles` are the names of the sources.

    ranked: the numbers of spans that speak of a query, best first. count: tokens of a text. size: of a passage at most.
    """

    def __init__(
        self, sources: Sequence[Document], ranked: Ranking, count: Callable[[str], int], size: int = 256
    ) -> None:
        self.passages = parts(sources, size, count) if sources else []
        self._ranked, self._count = ranked, count
        self._shown: set[Span] = set()
        documents = list(dict.fromkeys(sources))
        self.titles = dict(zip(documents, titles(documents), strict=True))

    def ranked(self, query: str) -> Sequence[int]:
        """The numbers of the passages that speak of a query, best first."""
        return self._ranked(self.passages, query)

    def best(self, query: str, tokens: int) -> list[Span]:
        """Passages that speak most of a query and take at most so many tokens as `numbered` shows them, best first."""
        if not self.passages:
            return []
        taken: list[Span] = []
        for number in self.ranked(query):
            trial = [*taken, self.passages[number]]
            if self._count(self.numbered(trial)) > tokens:
                break
            taken = trial
        return taken

    def numbered(self, spans: Sequence[Span]) -> str:
        """Passages as they are shown, each with its number and the name of its source; empty for none."""
        said = [
            f"[{number}] ({self.titles[each.document]})\n{each.text.strip()}"
            for number, each in enumerate(spans, 1)
        ]
        return enclosed("\n\n".join(said)) if said else ""

    def show(self, spans: Sequence[Span]) -> None:
        """Remembers that a model was shown passages."""
        self._shown.update(spans)

    @property
    def skipped(self) -> int:
        """Tokens of the passages that no model was shown."""
        return sum(self._count(each.text) for each in self.passages if each not in self._shown)


@dataclass(frozen=True, kw_only=True)
class Held:
    """A sentence of a text, and what it rests on. end: the character of the text behind it."""

    end: int
    claim: Claim


@dataclass(frozen=True, kw_only=True)
class Grounded:
    """A text without the marks that a model set, and what its sentences rest on. unknown: marks that led nowhere."""

    text: str
    held: tuple[Held, ...] = ()
    unknown: int = 0


def grounded(text: str, shown: Sequence[Span]) -> Grounded:
    """Each sentence of a text with the place in what was shown that holds it, looked for first where its mark says.

    shown: passages by their numbers, from 1; where there are none, nothing holds any sentence. A mark is a hint; what
    counts is what the passage says, see `spans.claims`.
    """
    plain, marks = _unmarked(text)
    found, unknown = [], sum(1 for _, number in marks if not 1 <= number <= len(shown))
    every, before = Basis(shown), 0
    for each in sentences(Document("text", plain)):
        named = [number for at, number in marks if before < at <= each.end and 1 <= number <= len(shown)]
        before = each.end
        own = Basis([shown[number - 1] for number in dict.fromkeys(named)]) if named else every
        claim = _claim(each.text, (own, every) if named else (every,))
        if claim is not None:
            found.append(Held(end=each.end, claim=claim))
    return Grounded(text=plain, held=tuple(found), unknown=unknown)


def looseness(held: Sequence[Held]) -> float:
    """The share of sentences that nothing holds."""
    return sum(each.claim.state == "unverified" for each in held) / len(held) if held else 0.0


def _unmarked(text: str) -> tuple[str, list[tuple[int, int]]]:
    """A text without marks, and each mark's number with the character of the new text behind which it stood."""
    plain, marks, last = "", [], 0
    for mark in _MARK.finditer(text):
        plain += text[last : mark.start()]
        marks += [(len(plain), number) for number in _numbers(mark[1])]
        last = mark.end()
    return plain + text[last:], marks


def _numbers(said: str) -> Iterator[int]:
    return (int(each) for each in _NUMBER.findall(said))


def _claim(sentence: str, bases: Sequence[Basis]) -> Claim | None:
    """A sentence as one claim, held by the first basis that can, None if it claims nothing."""
    best: Claim | None = None
    for basis in bases:
        made = basis.claims(sentence)
        if made:
            state = min((each.state for each in made), key=_BETTER.__getitem__)
            sources = dict.fromkeys(source for each in made for source in each.sources)
            claim = Claim(text=sentence, sources=tuple(sources), state=state)
            if best is None or _BETTER[state] > _BETTER[best.state]:
                best = claim
        if best is not None and best.state != "unverified":
            break
    return best
