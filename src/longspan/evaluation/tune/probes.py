"""What is asked about a text: each probe hides its facts in the text, or takes them from it, and knows the answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

_QUALITIES = (
    "amber",
    "brass",
    "coral",
    "dusty",
    "golden",
    "ivory",
    "jade",
    "marble",
    "quiet",
    "rusty",
    "velvet",
)
_THINGS = (
    "anchor",
    "beetle",
    "cello",
    "falcon",
    "kettle",
    "magpie",
    "otter",
    "saddle",
    "teapot",
    "tulip",
    "zebra",
)
_CITIES = (
    "Accra",
    "Bergen",
    "Cairo",
    "Dublin",
    "Geneva",
    "Havana",
    "Kyoto",
    "Lisbon",
    "Manila",
    "Riga",
    "Tunis",
)

SHORTEST_QUOTE, LONGEST_QUOTE = 10, 40
"""Words of a sentence that is quoted."""
MISSING_WORDS = 8
"""The most words of a quote that are asked for."""
MAX_QUESTIONS = len(_CITIES)
"""About one text, so that no two are alike."""
PAIRS = 4
"""Keys with values in a list."""


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A question with what it needs in the text.

    hidden: sentences that go into the text, each at a place of its own. prefix: the beginning of the answer, so that
    a small model answers in the form that is scored. answer: what must be said.
    """

    hidden: tuple[str, ...] = ()
    question: str
    prefix: str
    answer: str


class Supply:
    """Names, cities and numbers, none of them twice."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self._names = [f"{quality} {thing}" for quality in _QUALITIES for thing in _THINGS]
        self._cities = list(_CITIES)
        self._numbers = random.sample(range(10_000, 100_000), 1_000)
        random.shuffle(self._names)
        random.shuffle(self._cities)

    def name(self) -> str:
        """Of a thing."""
        return self._names.pop()

    def city(self) -> str:
        """Of the world."""
        return self._cities.pop()

    def number(self) -> str:
        """Of five digits."""
        return str(self._numbers.pop())


def needle(supply: Supply) -> Probe:
    """A sentence with a number, among unrelated text."""
    name, number = supply.name(), supply.number()
    return Probe(
        hidden=(f"The special number of the {name} is {number}.",),
        question=f"What is the special number of the {name} mentioned in the text?",
        prefix=f"The special number of the {name} is",
        answer=number,
    )


def pair(supply: Supply) -> Probe:
    """One of several keys with their values, side by side."""
    pairs = [(supply.name(), supply.number()) for _ in range(PAIRS)]
    listed = "; ".join(f"{key} = {value}" for key, value in pairs)
    key, value = supply.random.choice(pairs)
    return Probe(
        hidden=(f"A list of values: {listed}.",),
        question=f"Which value does {key} have in the list of values in the text?",
        prefix=f"{key} =",
        answer=value,
    )


def two_hop(supply: Supply) -> Probe:
    """Two sentences, of which the first says what to look for in the second."""
    name, number, city = supply.name(), supply.number(), supply.city()
    return Probe(
        hidden=(f"The owner of the {name} lives in {city}.", f"The secret code of {city} is {number}."),
        question=(
            f"In which city does the owner of the {name} live, and what is the secret code of that city? "
            "Say both, as the text does."
        ),
        prefix=f"The owner of the {name} lives in",
        answer=number,
    )


def quotes(random: Random, pieces: Sequence[str], count: int) -> list[Probe]:
    """At most `count` different sentences of the text whose beginning stands there once, to be continued."""
    text = " ".join("".join(pieces).split())
    fit = []
    for piece in filter(quotable, pieces):
        words = piece.split()
        given = max(-(-len(words) // 2), len(words) - MISSING_WORDS)
        if text.count(beginning := " ".join(words[:given])) == 1:
            fit.append(
                Probe(
                    question="Continue this sentence of the text, word for word.",
                    prefix=beginning,
                    answer=" ".join(words[given:]),
                )
            )
    return random.sample(fit, min(count, len(fit)))


def quotable(piece: str) -> bool:
    """Whether a sentence is prose of a length to be quoted: no heading, table, list item, link or code."""
    words = piece.split()
    return (
        SHORTEST_QUOTE <= len(words) <= LONGEST_QUOTE
        and piece.rstrip()[-1] in ".!?"
        and not re.search(r"[`|<>{}=*_\[\]\\/]", piece)
        and all(re.search(r"\w", word) for word in words if word not in "–—-&")
    )


HIDDEN: dict[str, Callable[[Supply], Probe]] = {"needle": needle, "pair": pair, "two-hop": two_hop}
"""The kinds whose facts are put into the text."""

KINDS = (*HIDDEN, "quote")
