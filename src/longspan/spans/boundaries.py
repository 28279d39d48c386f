"""Where a quote may begin and end: never inside a word, a number or a character of several code points."""

from __future__ import annotations

import re
import unicodedata

from longspan.spans.scripts import HIRAGANA, HYPHENS, IDEOGRAPHS, INVISIBLE, KATAKANA, SOUTHEAST

_NEAR = 40  # characters around a place that can matter
_PASSED = rf"[{INVISIBLE}*_`]*"  # what stands in words and is no part of them: invisible or Markdown's
_LINE_END = r"[^\S\n]*\n[^\S\n]*"
_BEFORE = re.compile(rf"{_PASSED}\Z")
_AFTER = re.compile(_PASSED)
_LETTER = r"[^\W\d_]"
_APOSTROPHES = "'’ʼ‘＇"
# No boundary is beside these: well-|known, F-|16, it|'s, light-|\nhouse.
_JOINED_BEFORE = re.compile(rf"{_LETTER}[{_APOSTROPHES}]\Z|[^\W_][{HYPHENS}\u00ad](?:{_LINE_END})?\Z")
_JOINED_AFTER = re.compile(rf"[{_APOSTROPHES}]{_LETTER}|[{HYPHENS}\u00ad](?:{_LINE_END})?[^\W_]")
# Articles and pronouns of Romance languages that lose a vowel: what follows them is a word of its own.
_ELIDED = re.compile(rf"(?:\A|[\W_])(?:[cdjlmst]|qu|un|(?:d|n|s|qu)?[ae]ll)[{_APOSTROPHES}]\Z", re.IGNORECASE)
_SPACE_IN_NUMBER = "[ \u00a0\u2009\u202f]"
_NUMERALS = "〇零一二三四五六七八九十百千万萬億亿兆"
# A number goes on before or after a place: 1,|234; 3.|5; −|5; $|5; 12:|30; 10|%; 3|.5; 10|^6; 5|万.
_NUMBER_BEFORE = re.compile(
    r"\d[.,'’:/·٫٬^–−-]\Z"
    r"|(?:\A|[^\w.])[.,٫]\Z"
    rf"|(?<!\d)\d{{1,3}}{_SPACE_IN_NUMBER}\Z"
    r"|(?:\A|[^\w)\]])[-–−+±~≈<>≤≥]\Z"
    r"|[≤≥±−]\s\Z"
)
_NUMBER_AFTER = re.compile(
    r"[.,'’:/·٫٬^–−-]\d"
    rf"|{_SPACE_IN_NUMBER}\d{{3}}(?!\d)"
    r"|\s?[%‰‱°℃℉％]"
    r"|[′″]"
)
_UNIT_BEFORE, _UNIT_AFTER = re.compile(r"\d\s?[^\W\d_]{1,4}\Z"), re.compile(r"[/·^]\w")  # 5 km|/h
_IDEOGRAPH, _KANA = re.compile(f"[{IDEOGRAPHS}{HIRAGANA}]"), re.compile(f"[{KATAKANA}]")
_SOUTHEAST = re.compile(f"[{SOUTHEAST}]")
_LEADING = frozenset("เแโใไເແໂໃໄ")  # vowels that are written before their consonant
_FOLLOWING = frozenset("ะาำๅๆฯะາຳໆ")


def inside_word(text: str, at: int) -> bool:
    """Whether a quote that begins or ends at this place of a text would cut a word, a number or a character."""
    if not 0 < at < len(text):
        return False
    if _splits_character(text, at):
        return True
    before, after = text[max(0, at - _NEAR) : at], text[at : at + _NEAR]
    before, after = before[: _index(_BEFORE, before)], after[_AFTER.match(after).end() :]  # type: ignore[union-attr]
    if not before or not after:
        return False
    left, right = before[-1], after[0]
    if right.isdecimal() and _number_goes_on(before, right, after):
        return True
    if left.isdecimal() and _NUMBER_AFTER.match(after):
        return True
    if _currency(before, right) or (left.isdecimal() and _currency_after(after)):
        return True
    if _wordly(right) and _JOINED_BEFORE.search(before):
        return not _ELIDED.search(before)
    if _wordly(left) and _JOINED_AFTER.match(after):
        return True
    if _UNIT_AFTER.match(after) and _UNIT_BEFORE.search(before):
        return True
    return _wordly(left) and _wordly(right) and not _apart(left, right)


def _index(pattern: re.Pattern[str], text: str) -> int:
    found = pattern.search(text)
    return found.start() if found else len(text)


def _number_goes_on(before: str, right: str, after: str) -> bool:
    found = _NUMBER_BEFORE.search(before)
    if found is None:
        return False
    if found[0][0].isdecimal() and re.fullmatch(_SPACE_IN_NUMBER, before[-1]):
        return bool(re.match(r"\d{3}(?!\d)", after))
    return True


def _currency(before: str, right: str) -> bool:
    """Whether an amount is cut after its sign: $|5."""
    sign = before.rstrip(" \u00a0\u202f")[-1:]
    return right.isdecimal() and bool(sign) and unicodedata.category(sign) == "Sc"


def _currency_after(after: str) -> bool:
    sign = after.lstrip(" \u00a0\u202f")[:1]
    return (
        bool(sign)
        and unicodedata.category(sign) == "Sc"
        and not re.match(rf"\s*{re.escape(sign)}\s?\d", after)
    )


def _wordly(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character)[0] == "M"


def _apart(left: str, right: str) -> bool:
    """Whether two characters of words can belong to two words without a blank between them."""
    if left in _NUMERALS and right in _NUMERALS:
        return False
    if left.isdecimal() and right in "十百千万萬億亿兆":
        return False
    if _KANA.match(left) and _KANA.match(right):
        return False
    if _SOUTHEAST.match(left) and _SOUTHEAST.match(right):
        return left not in _LEADING and right not in _FOLLOWING and unicodedata.category(right)[0] != "M"
    unspaced = [bool(_IDEOGRAPH.match(each) or _KANA.match(each)) for each in (left, right)]
    return any(unspaced) and unicodedata.category(right)[0] != "M"


def _splits_character(text: str, at: int) -> bool:
    """Whether a place is inside what is read as one character (https://unicode.org/reports/tr29/)."""
    left, right = text[at - 1], text[at]
    if right in "\u200d\u20e3" or "\U0001f3fb" <= right <= "\U0001f3ff" or "\ufe00" <= right <= "\ufe0f":
        return left != "\n"
    if left == "\u200d" and not right.isspace():
        return True
    if unicodedata.category(right)[0] == "M":
        return left != "\n"
    if _regional(left) and _regional(right):
        run = at
        while run > 0 and _regional(text[run - 1]):
            run -= 1
        return (at - run) % 2 == 1
    return "\u1100" <= left <= "\u11ff" and "\u1160" <= right <= "\u11ff"


def _regional(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"
