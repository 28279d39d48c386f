"""English words for keys and lists, and words that no language has."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from random import Random
from typing import Literal

_LAST = ("", *"klmnrst")
_CONSONANTS = [*"bdfghjklmnprstvwz", "br", "dr", "fl", "gr", "kl", "pl", "st", "tr"]


@cache
def listed(kind: Literal["adjectives", "nouns", "verbs", "first_names"]) -> tuple[str, ...]:
    """Several hundred common English words of a kind, in the order of the alphabet, lower case but for names."""
    text: str = (files("longspan.evaluation") / "wordlists" / f"{kind}.txt").read_text("utf-8")
    return tuple(text.split())


def compound(random: Random) -> str:
    """An adjective and a noun, as in quiet-harbour; there are more than half a million."""
    return f"{random.choice(listed('adjectives'))}-{random.choice(listed('nouns'))}"


def pseudo_word(random: Random) -> str:
    """Two to four syllables without meaning, such as tarelo or vindomak."""
    syllables = [random.choice(_CONSONANTS) + random.choice("aeiou") for _ in range(random.randint(2, 4))]
    ending: str = random.choice(_LAST)
    return "".join(syllables) + ending


@cache
def _known() -> frozenset[str]:
    return frozenset((*listed("adjectives"), *listed("nouns"), *listed("verbs")))


def is_listed(word: str) -> bool:
    """Whether it is an English word of the lists."""
    return word in _known()


def endless_words(random: Random) -> Iterator[str]:
    """The listed words in a random order, some two thousand, then pseudo-words for ever; these may come again."""
    known = sorted(_known())
    yield from random.sample(known, len(known))
    while True:
        yield pseudo_word(random)
