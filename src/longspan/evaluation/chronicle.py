"""A made chronicle of some towns: prose of the length of many books in which no sentence comes twice.

It is full of names, dates and numbers, as books are, so that a needle is not the only sentence with one. The people
have every second of the listed first names; towns do not exist.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from random import Random
from typing import overload

from longspan.evaluation.words import listed

SENTENCES = 100_000
"""How many there are, some 2.5 million tokens."""

NAMES = listed("first_names")[::2]
"""Names of people in the chronicle."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_MONTHS = _words("January February March April May June July August September October November December")
_DAYS = _words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
_STARTS = _words(
    "Alder Birk Corn Dorn Elm Fell Garn Holt Ister Kell Lowe Mar Nether Ower Pell Quern Rush Sten"
)
_ENDS = _words("bridge den fold garth haven hythe kirk mere moor ness pool rigg scar side stow thwaite wold")
_DEEDS = _words(
    "mended bought sold found lent borrowed carried counted painted weighed measured hid moved cleaned packed fetched "
    "described admired wanted lost returned sketched repaired covered traded inspected dusted hauled stored labelled"
)
_PLACES = (
    "behind the mill", "near the ferry", "on the market square", "under the old bridge", "at the edge of the moor",
    "beside the weighing house", "in the upper room", "by the toll gate", "above the harbour",
    "outside the schoolhouse", "along the canal", "in the back of the shop", "at the foot of the stairs",
    "close to the quarry", "between two sheds", "on the way to the station",
)  # fmt: skip
_ROLES = (
    "miller", "clerk", "ferryman", "carpenter", "postmistress", "smith", "weaver", "baker", "surveyor", "printer",
    "joiner", "cooper", "schoolmaster", "lamplighter", "tinsmith", "cartwright", "harbour master", "bookbinder",
)  # fmt: skip
_WHY = (
    "because nobody else would", "though it was raining", "before anyone could object", "as had been agreed long ago",
    "without saying a word about it", "after a long quarrel", "and went home early", "which surprised nobody",
    "and the neighbours talked of little else", "although the price had doubled", "while the others waited outside",
    "and never spoke of it again", "since there was no other use for it", "as soon as the frost was over",
    "and forgot to lock the door", "for reasons that were never written down",
)  # fmt: skip
_TELLING = _words("bee hive horse mare violin cello wine milk honey spider monk bread")
"""Nouns that sentences which imply something about a person speak of."""
_NOUNS = tuple(
    each
    for each in listed("nouns")
    # What sentences that imply something about a person speak of.
    if each
    not in (
        "bee",
        "hive",
        "horse",
        "mare",
        "violin",
        "cello",
        "wine",
        "milk",
        "honey",
        "spider",
        "monk",
        "bread",
    )
)
_UNITS = (
    "shillings",
    "sacks",
    "barrels",
    "steps",
    "pages",
    "wagons",
    "baskets",
    "bricks",
    "letters",
    "planks",
)


class Chronicle(Sequence[str]):
    """Its sentences, each made when it is first asked for, from its number alone."""

    def __len__(self) -> int:
        return SENTENCES

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[str]: ...
    def __getitem__(self, place: int | slice) -> str | Sequence[str]:
        if isinstance(place, slice):
            return [_sentence(number) for number in range(*place.indices(SENTENCES))]
        if not -SENTENCES <= place < SENTENCES:
            raise IndexError(f"place={place} is outside 0 .. {SENTENCES - 1}")
        return _sentence(place % SENTENCES)


@lru_cache(maxsize=SENTENCES)
def _sentence(number: int) -> str:
    random = Random(number * 7919 + 11)  # noqa: S311
    by = _Writer(random)
    written = random.choice(_FORMS)(by)
    return written[0].upper() + written[1:]


class _Writer:
    """Parts of sentences by chance."""

    def __init__(self, random: Random) -> None:
        self.of = random.choice
        self.number = random.randint

    def name(self) -> str:
        return self.of(NAMES)

    def town(self) -> str:
        return self.of(_STARTS) + self.of(_ENDS)

    def thing(self) -> str:
        adjective = self.of(listed("adjectives"))
        return f"{'an' if adjective[0] in 'aeiou' else 'a'} {adjective} {self.of(_NOUNS)}"

    def the(self) -> str:
        return f"the {self.of(listed('adjectives'))} {self.of(_NOUNS)}"

    def date(self) -> str:
        return f"{self.number(1, 28)} {self.of(_MONTHS)} {self.number(1740, 1939)}"

    def amount(self) -> str:
        return f"{self.number(2, 980)} {self.of(_UNITS)}"

    def entry(self) -> str:
        """Seven digits, as registers have them."""
        return str(self.number(1_000_000, 9_999_999))


_FORMS = (
    lambda by: f"On {by.date()} {by.name()} {by.of(_DEEDS)} {by.thing()} {by.of(_PLACES)}, {by.of(_WHY)}.",
    lambda by: f"{by.name()} {by.of(_DEEDS)} {by.thing()} for {by.amount()}, {by.of(_WHY)}.",
    lambda by: (
        f"The {by.of(_ROLES)} of {by.town()} {by.of(_DEEDS)} {by.thing()} and {by.thing()} {by.of(_PLACES)}."
    ),
    lambda by: f"In {by.of(_MONTHS)} the people of {by.town()} {by.of(_DEEDS)} {by.amount()}, {by.of(_WHY)}.",
    lambda by: f"{by.the()} in the hall of {by.town()} was entered under number {by.entry()} on {by.date()}.",
    lambda by: f"{by.name()} told the {by.of(_ROLES)} that {by.the()} stood {by.of(_PLACES)}, {by.of(_WHY)}.",
    lambda by: f"Nobody in {by.town()} could say who had {by.of(_DEEDS[:2])} {by.the()} {by.of(_PLACES)}.",
    lambda by: (
        f"Every {by.of(_DAYS)} {by.name()} walked {by.number(2, 40)} miles to {by.town()} with {by.thing()}."
    ),
    lambda by: (
        f"It took {by.name()} {by.number(2, 60)} days to carry {by.the()} from {by.town()} to {by.town()}."
    ),
    lambda by: f"A letter from {by.town()} of {by.date()} speaks of {by.thing()} and of {by.amount()}.",
    lambda by: f"{by.name()} and {by.name()} {by.of(_DEEDS)} {by.the()} together, {by.of(_WHY)}.",
    lambda by: f"When {by.the()} was gone, {by.name()} asked the {by.of(_ROLES)} for {by.thing()}.",
    lambda by: f"The road from {by.town()} to {by.town()} passes {by.the()} and ends {by.of(_PLACES)}.",
    lambda by: (
        f"In {by.number(1741, 1938)} {by.the()} of {by.town()} was {by.of(_DEEDS[:6])} {by.of(_PLACES)}."
    ),
    lambda by: (
        f"{by.name()} never learned why {by.the()} had been left {by.of(_PLACES)} on a {by.of(_DAYS)}."
    ),
    lambda by: (
        f"There were {by.amount()} {by.of(_PLACES)}, and {by.name()} {by.of(_DEEDS)} them, {by.of(_WHY)}."
    ),
)
