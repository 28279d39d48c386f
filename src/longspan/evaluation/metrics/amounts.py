"""The number that an answer names, as in reports on money."""

from __future__ import annotations

import re
from math import isclose
from typing import NamedTuple

_UNIT = "(?i:x|times|bps?|pp|ppts?|pts?|mm|mn|bn|tn|usd|eur|gbp|million|billion|trillion|thousand)|[MBTmbk]"
_NUMBER = re.compile(
    rf"""(?<![\w.,])
    (?P<open>\(?)
    (?P<sign>[-−–]?)\s?(?P<currency>[$€£¥]?)(?P<inner>\(?)\s?(?P<after>[-−–]?)
    (?P<digits>\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?)
    (?!\d|\.\d)
    \s?(?P<percent>%|(?i:percent|per\ cent)\b)?
    (?P<unit>(?:{_UNIT})\b)?
    (?![\w]|-[A-Za-z])
    (?P<close>(?<!\s)\))?""",
    re.VERBOSE,
)
_SAID = re.compile(r"(?i)\banswer(?:\s+is\b|\s*:|\s*=)")
_STATED = re.compile(r"(?i)(?:^|[:=$€£¥*]|\b(?:is|was|were|are|of|at|to|by|about|equals))\s*$")
_MONTH = re.compile(
    r"(?i)\b(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)(?:uary|ruary|ch|il|ust|ember|tember|ober)?\.?\s*$"
)


class Amount(NamedTuple):
    """A number, and whether a percent sign stood behind it."""

    value: float
    percent: bool


def amounts(text: str) -> list[Amount]:
    """All numbers of a text, without thousands separators and currency signs.

    A unit may follow at once, as in 1.08x or 12.5bps, but is not applied, nor are words such as million, since
    questions name the unit; 10-K, 3rd and FY2018 are no numbers. A number alone in brackets, where the text states it,
    is negative, as in accounts.
    """
    return [each for each, _ in _found(text)]


def amount(text: str, *, dates: bool = False) -> Amount | None:
    """The first number after the last "answer is" or "answer:", else the last number, None if there is none.

    A year or a day of a month is passed over where another number stands, unless `dates`.
    """
    *_, said = [text, *(text[found.end() :] for found in _SAID.finditer(text))]
    for part, place in ((said, 0 if said is not text else -1), (text, -1)):
        found = _found(part)
        kept = [each for each, date in found if dates or not date] or [each for each, _ in found]
        if kept:
            return kept[place]
    return None


def _found(text: str) -> list[tuple[Amount, bool]]:
    """Numbers, each with whether it is a year or a day."""
    found = []
    for match in _NUMBER.finditer(text):
        before = text[: match.start("open")]
        bracketed = bool(match["close"] and (match["open"] or match["inner"]) and _STATED.search(before))
        negative = bool(match["sign"] or match["after"]) or bracketed
        digits = match["digits"]
        year = re.fullmatch("(?:19|20)[0-9]{2}", digits) is not None
        plain = not (match["currency"] or match["percent"] or match["unit"] or negative)
        date = plain and (year or (len(digits) <= 2 and _MONTH.search(before) is not None))
        value = float(digits.replace(",", "")) * (-1 if negative else 1)
        found.append((Amount(value=value, percent=bool(match["percent"])), date))
    return found


def same_amount(output: str, reference: str, tolerance: float = 0.0) -> float:
    """1 if both name the same number, else 0; `tolerance` is relative to the reference's number.

    Where only one has a percent sign, 12.5 % also equals .125. Raises ValueError for a reference without a number.
    """
    gold = amount(reference)
    if gold is None:
        raise ValueError(f"reference={reference!r} names no number; give one such as 12.5")
    said = amount(output, dates=_is_year(gold))
    if said is None:
        return 0.0
    pairs = [(said.value, gold.value)]
    if said.percent != gold.percent:
        pairs.append((said.value / 100, gold.value) if said.percent else (said.value * 100, gold.value))
    return float(
        any(isclose(one, other, rel_tol=1e-9) or _near(one, other, tolerance) for one, other in pairs)
    )


def _is_year(gold: Amount) -> bool:
    return not gold.percent and gold.value in range(1900, 2100)


def _near(value: float, gold: float, tolerance: float) -> bool:
    return abs(value - gold) <= tolerance * abs(gold)


_ONLY = re.compile(rf"[^A-Za-z]*(?:(?:{_UNIT}|(?i:per ?cent))[^A-Za-z]*)*")


def is_amount(text: str) -> bool:
    """Whether a text is one number, maybe with a currency, a unit such as million, or a percent sign."""
    return len(amounts(text)) == 1 and _ONLY.fullmatch(text) is not None
