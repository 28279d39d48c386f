"""Needles in a haystack: keys with magic values hidden in noise, essays, or other needles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Literal
from uuid import UUID

from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Request
from longspan.evaluation.tasks.endless import Endless, distinct
from longspan.evaluation.tasks.hiding import hidden, interleaved
from longspan.evaluation.tasks.ruler.family import NOISE, Ruler
from longspan.evaluation.words import compound

Kind = Literal["words", "numbers", "uuids"]

DEPTHS = tuple(step / 39 for step in range(40))
"""The depths at which a needle may lie: forty, evenly spaced from 0 to 1."""

_ONE = (
    "A special magic {kind} is hidden within the following text. Make sure to memorize it. I will quiz you about the "
    "{kind} afterwards.\n",
    "\nWhat is the special magic {kind} for {query} mentioned in the provided text?",
    " The special magic {kind} for {query} mentioned in the provided text is",
)
_MANY = (
    "Some special magic {kind} are hidden within the following text. Make sure to memorize it. I will quiz you about "
    "the {kind} afterwards.\n",
    "\nWhat are all the special magic {kind} for {query} mentioned in the provided text?",
    " The special magic {kind} for {query} mentioned in the provided text are",
)

_DRAWS: dict[Kind, Callable[[Random], str]] = {
    "words": compound,
    "numbers": lambda random: str(random.randint(1_000_000, 9_999_999)),
    "uuids": lambda random: str(UUID(int=random.getrandbits(128), version=4)),
}


@dataclass(frozen=True, kw_only=True)
class Niah(Ruler):
    """Needles in a haystack as in RULER.

    haystack: lines of noise, the user's haystack from any of its sentences on, or lines that are needles with other
    keys. key, value: words are an adjective and a noun, numbers have seven digits, uuids are version 4. keys: needles
    with a key of their own; values: how many values each key has; queries: how many of the keys are asked for.
    Facts: `depths` of the asked values in the order of the references, `depth` that of the first.
    """

    max_new_tokens: int = 128
    form: str = "instruction, haystack, question; the answer begins with a given half sentence"
    haystack: Literal["noise", "essay", "needle"] = "essay"
    key: Kind = "words"
    value: Kind = "numbers"
    keys: int = 1
    values: int = 1
    queries: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.queries <= self.keys:
            raise ValueError(f"queries={self.queries} is outside 1 .. keys={self.keys}; ask for fewer keys")
        if not 1 <= self.keys * self.values <= len(DEPTHS):
            raise ValueError(
                f"keys={self.keys} times values={self.values} is outside 1 .. {len(DEPTHS)}; hide fewer needles"
            )

    def make(self, random: Random, index: int, request: Request) -> Sample:
        """Needles at depths drawn at random, and the keys asked for."""
        drawn = Endless(random, distinct(_DRAWS[self.key]))
        keys = drawn.first(self.keys)
        count = self.keys * self.values
        values = Endless(random, distinct(_DRAWS[self.value])).first(count)
        depths = random.sample(DEPTHS, count)
        owners = [key for key in keys for _ in range(self.values)]
        needles = [
            (depth, self._needle(key, value))
            for depth, key, value in zip(depths, owners, values, strict=True)
        ]
        queries = random.sample(keys, self.queries)
        asked = [place for query in queries for place, key in enumerate(owners) if key == query]
        facts = {"depth": depths[asked[0]], "depths": [depths[place] for place in asked]}
        before, question, prefix = self._wording(queries)
        text = self._text(random, drawn, request)

        def build(size: int) -> Sample:
            return Sample(
                id="",
                context=before + text(size, needles),
                question=question,
                prefix=prefix,
                references=tuple(values[place] for place in asked),
                facts=facts,
            )

        return self.largest(build, request)

    def _needle(self, key: str, value: str) -> str:
        return f"One of the special magic {self.value} for {key} is: {value}."

    def _wording(self, queries: list[str]) -> tuple[str, ...]:
        query = f"{', '.join(queries[:-1])}, and {queries[-1]}" if len(queries) > 1 else queries[0]
        one = self.queries * self.values == 1
        kind = self.value.removesuffix("s") if one else self.value
        return tuple(text.format(kind=kind, query=query) for text in (_ONE if one else _MANY))

    def _text(
        self, random: Random, keys: Endless[str], request: Request
    ) -> Callable[[int, list[tuple[float, str]]], str]:
        """What makes the text of a number of sentences or lines and of the needles."""
        if self.haystack == "essay":
            start = random.randrange(len(request.haystack.sentences))
            return lambda size, needles: hidden(request.haystack.take(size, start), needles)
        if self.haystack == "noise":
            return lambda size, needles: "\n".join(interleaved([NOISE] * size, needles))
        values = Endless(random, _DRAWS[self.value])

        def lines(size: int, needles: list[tuple[float, str]]) -> str:
            others = map(self._needle, keys.first(self.keys + size)[self.keys :], values.first(size))
            return "\n".join(interleaved(list(others), needles))

        return lines
