"""Names of people who do not exist."""

from __future__ import annotations

import re
from random import Random

from longspan.evaluation.tasks.endless import Endless, distinct
from longspan.evaluation.words import listed

FIRST_NAMES = listed("first_names")
_STEMS_TEXT = """Ash Bar Black Brad Brom Burn Cal Car Chad Clay Cran Dal Dar Den Dray Dun East Eld Fair Farn Glen Green
    Grim Hal Hart Haw Hel Hol Hun Kel Ken Kirk Lang Led Lin Long Mar Mel Mid Mil Nor Oak Old Pem Pres Rad Red
    Rock Ros Shel Staf Stan Thorn Tur Wal Wes Whit Win Wood"""
_STEMS = tuple(_STEMS_TEXT.split())
_ENDINGS_TEXT = """ford ley well worth ham bury brook field wick stead combe gate dale more land thorpe croft grave mont
    ridge shaw holm low by"""
_ENDINGS = tuple(_ENDINGS_TEXT.split())
LAST_NAMES = tuple(stem + ending for stem in _STEMS for ending in _ENDINGS)

FULL_NAME = re.compile(rf"\b(?:{'|'.join(FIRST_NAMES)}) [A-Z][a-z]+\b")
"""A full name in an answer."""


def full_name(random: Random) -> str:
    """First and last name."""
    return f"{random.choice(FIRST_NAMES)} {random.choice(LAST_NAMES)}"


def people(random: Random) -> Endless[str]:
    """Full names, each once; there are some three hundred thousand."""
    return Endless(random, distinct(full_name))
