"""The final answer in what a model said, so that answers that mean the same are the same."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal, InvalidOperation
from typing import Literal

from longspan.parameters import check_choice

Kind = Literal["auto", "number", "choice", "text"]
"""What an answer is: a number, a letter of a choice, words, or whatever stands where the answer is announced."""

_KINDS = ("auto", "number", "choice", "text")
_BOXED = re.compile(r"\\boxed\s*\{")
_MARKED = re.compile(
    r"(?:####|\banswer\s*(?:is|are|would be|:|=|：)|答案(?:是|为)?\s*[:：]?)[ \t]*:?[ \t]*\n?(?P<said>[^\n]*)",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|(?<![\w.])[-+]?\.\d+")
_CHOICE = re.compile(r"(?<![^\W_])([A-J])(?![^\W_])")
_ALONE = re.compile(r"\(([A-J])\)|^[ \t*]*([A-J])[ \t*.):]*$", re.MULTILINE)
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_OUTER = " \t\r\n.,;:!?\"'`*_$()[]{}<>“”‘’。，；：！？、「」"
_PLACES = 30


def check_kind(kind: str) -> None:
    """Raises ValueError for what is no kind of answer."""
    check_choice("answer", kind, _KINDS)


def final_answer(text: str, kind: Kind = "auto") -> str | None:
    r"""The answer that a text ends with, made alike; None where it announces none.

    An answer is announced by ``\boxed{...}``, by `####`, or by words such as "the answer is" and "Answer:"; the last of
    these counts. A number or a letter, if one is asked for, may also be the last of the text. Numbers lose separators
    of thousands, signs of currency and zeros at their end; words lose case, articles and punctuation.
    """
    announced = _announced(text)
    if kind == "number":
        return _number(announced or "", first=True) or _number(text, first=False)
    if kind == "choice":
        return _choice(announced or "", text)
    if announced is None or not announced.strip(_OUTER):
        return None
    if kind == "text":
        return _words(announced)
    bare = announced.strip(_OUTER)
    if re.fullmatch(r"[A-J]", bare):
        return bare
    number = _number(bare, first=True)
    if number is not None and not any(map(str.isalnum, _NUMBER.sub("", bare, count=1))):
        return number
    return _words(announced)


def _announced(text: str) -> str | None:
    """What stands behind the last announcement."""
    found: tuple[int, str] | None = None
    for match in _BOXED.finditer(text):
        inside = _braced(text, match.end())
        if inside is not None:
            found = match.start(), inside
    for match in _MARKED.finditer(text):
        if found is None or match.start() > found[0]:
            found = match.start(), match["said"]
    return None if found is None else found[1]


def _braced(text: str, start: int) -> str | None:
    """What stands up to the brace that closes one which was opened before `start`."""
    depth = 1
    for place in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return text[start:place]
    return None


def _number(text: str, *, first: bool) -> str | None:
    folded = unicodedata.normalize("NFKC", text).replace("−", "-")
    before, _, value = folded.rpartition("=")
    found = _NUMBER.findall(value) or _NUMBER.findall(before) if first else _NUMBER.findall(folded)
    if not found:
        return None
    said = str(found[0] if first else found[-1]).replace(",", "").lstrip("+")
    try:
        number = Decimal(said)
    except InvalidOperation:  # such as digits of a script that has no decimal numbers
        return None
    if number == 0:
        return "0"
    if len(said) > _PLACES:
        return said
    return format(number.normalize(), "f")


def _choice(announced: str, text: str) -> str | None:
    """The first letter that is announced, else the last in brackets or on a line of its own."""
    letter = _CHOICE.search(announced)
    if letter:
        return str(letter[1])
    alone = _ALONE.findall(text)
    return next((str(each) for each in alone[-1] if each), None) if alone else None


def _words(text: str) -> str | None:
    folded = unicodedata.normalize("NFKC", text).casefold()
    kept = "".join(each if each.isalnum() or each in "+-./%" else " " for each in folded)
    words = _ARTICLES.sub(" ", kept).split() or kept.split()
    joined = " ".join(words).strip(" .")
    return joined or None
