"""The words of a text, in the form in which a question and what answers it share them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from itertools import pairwise
from threading import Lock

from longspan.spans.scripts import (
    HANGUL,
    HIRAGANA,
    HYPHENS,
    IDEOGRAPHS,
    INVISIBLE,
    KATAKANA,
    POINTS,
    SOUTHEAST,
)

_MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0900-\u0903\u093a-\u094f\u0951-\u0957\u0962\u0963"
    "\u0981-\u0983\u09bc-\u09cd\u0a01-\u0a03\u0a3c-\u0a4d\u0a70\u0a71\u0a81-\u0a83\u0abc-\u0acd\u0b01-\u0b03"
    "\u0b3c-\u0b57\u0b82\u0bbe-\u0bcd\u0c00-\u0c04\u0c3e-\u0c56\u0c81-\u0c83\u0cbc-\u0cd6\u0d00-\u0d03\u0d3e-\u0d4d"
    "\u0d82\u0d83\u0dca-\u0df3\u0f18\u0f19\u0f35\u0f37\u0f39\u0f71-\u0f84\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20f0"
    "\u3099\u309a\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u1056-\u1059\u105e-\u1060"
    "\u1062-\u1064\u1067-\u106d\u1071-\u1074\u1082-\u108d\u108f\u109a-\u109d\u17b4-\u17d3\u17dd"
)
"""Marks that belong to the letter before them: accents, vowel points, vowels of Indic scripts."""
_TAIL = f"[{_MARKS}{INVISIBLE}\u0640]"
_LETTERS = rf"(?:[^\W_]|{_TAIL})*"
# A word with what joins it: hyphens, at a line's end too, and separators of thousands.
_TOKEN = re.compile(
    rf"\d{{1,3}}(?:[.,'’\u00a0\u2009\u202f]\d{{3}})+(?!\d)"
    rf"|[^\W_]{_LETTERS}(?:[{HYPHENS}](?:[^\S\n]*\n[^\S\n]*)?[^\W\d_]{_LETTERS})*"
)
_HYPHENATED = re.compile(rf"[{HYPHENS}](?:\s*\n\s*)?")
_DROPPED = re.compile(f"[{INVISIBLE}\u0640]")
_POINTS = re.compile(f"[{POINTS}]")
_ACCENTS = re.compile("(?<=[A-Za-z\u0370-\u03ff\u1f00-\u1fff])[\u0300-\u036f]+")
_SINGLE = IDEOGRAPHS + HIRAGANA + KATAKANA
_UNSPACED = re.compile(f"[{_SINGLE}]{{2,}}")
_SPACED = rf"[^\W_{_SINGLE}{SOUTHEAST}{HANGUL}]"
_RUNS = re.compile(
    rf"(?P<single>[{_SINGLE}])|(?P<syllables>[{SOUTHEAST}]+)|(?P<hangul>[{HANGUL}]+)"
    rf"|(?P<word>{_SPACED}(?:{_SPACED}|[{_MARKS}])*)"
)
_CAMEL = re.compile(r"(?<=[a-z\d])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_CLUSTER = re.compile(rf"[เแโใไເແໂໃໄ]?[^{_MARKS}][{_MARKS}ะาำๅະາຳ]*|.")
_STROKES = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th"}
)
_PARTICLES = "은는이가을를에의도로와과만요"
_ONE_AT_A_TIME = Lock()  # a stemmer holds the word it works on
_STEMMERS = (
    (re.compile("[a-z]"), "english"),
    (re.compile("[\u0400-\u04ff]"), "russian"),
    (re.compile("[\u0600-\u06ff]"), "arabic"),
    (re.compile("[\u0370-\u03ff]"), "greek"),
    (re.compile("[\u0900-\u097f]"), "hindi"),
    (re.compile("[\u0b80-\u0bff]"), "tamil"),
    (re.compile("[\u0531-\u0587]"), "armenian"),
)


def words(text: str) -> Iterator[str]:
    """All words in their order; a word in several forms is several words.

    Case, accents of Latin and Greek, vowel points of Arabic and Hebrew, full-width forms and invisible characters do
    not matter. A word with hyphens, or cut at a line's end, gives its parts and the whole, camelCase too; a number
    with separators of thousands the plain number. Endings are cut off by the Snowball stemmer of the script
    (https://snowballstem.org), which for Latin script is the English one. Of Chinese and Japanese each character
    counts as a word, of Thai, Lao, Khmer and Myanmar each pair of syllables, of Korean each pair in a word, so that
    particles do not matter.
    """
    for match in _TOKEN.finditer(text):
        yield from _forms(match[0])


def pairs(text: str) -> Iterator[str]:
    """Each two neighbouring characters of Chinese and Japanese in a text, which are words more often than one is."""
    for run in _UNSPACED.finditer(unicodedata.normalize("NFKC", text)):
        yield from map("".join, pairwise(run[0]))


@lru_cache(maxsize=1 << 16)
def _forms(token: str) -> tuple[str, ...]:
    token = _DROPPED.sub("", unicodedata.normalize("NFKC", token))
    if token[0].isdecimal() and re.fullmatch(r"\d{1,3}(?:[.,'’ ]\d{3})+", token):
        return (*re.findall(r"\d+", token), re.sub(r"\D", "", token))
    parts = _HYPHENATED.split(token)
    found = [form for part in parts for form in _simple(part)]
    if len(parts) > 1:
        found += _simple("".join(parts))
    return tuple(found)


def _simple(word: str) -> Iterator[str]:
    pieces = [piece for piece in _CAMEL.split(word) if piece]
    for piece in [*pieces, word] if len(pieces) > 1 else [word]:
        for run in _RUNS.finditer(_plain(piece)):
            if run["single"]:
                yield run[0]
            elif run["hangul"]:
                yield from _hangul(run[0])
            elif run["syllables"]:
                yield from _pairs(_CLUSTER.findall(run[0]))
            else:
                yield _stem(run[0])


def _plain(word: str) -> str:
    split = _ACCENTS.sub("", _POINTS.sub("", unicodedata.normalize("NFD", word.replace("İ", "i"))))
    return unicodedata.normalize("NFC", split).casefold().translate(_STROKES).replace("ё", "е")


def _hangul(word: str) -> Iterator[str]:
    yield from _pairs(list(word))
    if 1 < len(word) <= 3 and word[-1] in _PARTICLES:
        yield word[:-1]


def _pairs(parts: list[str]) -> Iterator[str]:
    if len(parts) == 1:
        yield parts[0]
    for pair in pairwise(parts):
        yield "".join(pair)


def _stem(word: str) -> str:
    for script, language in _STEMMERS:
        if script.match(word):
            with _ONE_AT_A_TIME:
                return _stemmer(language)(word)
    return word


@cache
def _stemmer(language: str) -> Callable[[str], str]:
    import snowballstemmer

    stem: Callable[[str], str] = snowballstemmer.stemmer(language).stemWord
    return stem
