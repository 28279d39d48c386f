"""Where a quote may begin and end: never inside a word, a number or a character of several code points."""

from __future__ import annotations

import re
import unicodedata

from longspan.spans.scripts import HIRAGANA, HYPHENS, IDEOGRAPHS, INVISIBLE, KATAKANA, SOUTHEAST

_NEAR = 40  # characters around a place that can matter
_PASSED = (
    rf"(?:[{INVISIBLE}*_`]|\\(?=_))*"  # what stands in words and is no part of them: invisible or Markdown's
)
_LINE_END = r"[^\S\n]*\n[^\S\n]*"
_BEFORE = re.compile(rf"{_PASSED}\Z")
_AFTER = re.compile(_PASSED)
_LETTER, _SIGN = r"[^\W\d_]", r"[^\W_]"
_ALONE = rf"(?:\A|[\W_]){_LETTER}"
_APOSTROPHES = "'’ʼ‘＇׳"
_JOINING = f"{HYPHENS}\u00ad\u05be"
# No boundary is between these and letters: well-|known, light-|\nhouse, it|'s, she/|he, AT&|T, name@|host.
_JOINED_BEFORE = re.compile(
    rf"{_LETTER}[{_APOSTROPHES}]\Z|{_SIGN}[{_JOINING}](?:{_LINE_END})?\Z|{_SIGN}(?:[/@]|&(?:amp;)?)\Z"
)
_JOINED_AFTER = re.compile(
    rf"[{_APOSTROPHES}]{_LETTER}|[{_JOINING}](?:{_LINE_END})?{_SIGN}|[/@]{_SIGN}"
    rf"|&(?:amp;|(?![A-Za-z]{{2,8}};)){_SIGN}|\+\+"
)
# Nor between these two: U|.S., C|#, site|.com, a Hebrew acronym, l|·l, x|^2, x^|2, CO|_{2}, °|C, three parts of| five.
_JOINED = [
    (re.compile(rf"(?:{before})\Z"), re.compile(after))
    for before, after in (
        (_ALONE, rf"\.{_LETTER}|#"),
        (rf"{_ALONE}\.", _LETTER),
        (_SIGN, r"\.[a-z]"),
        (rf"{_SIGN}\.", "[a-z]"),
        ("[א-ת]", '["״][א-ת](?![א-ת])'),
        ('[א-ת]["״]', "[א-ת](?![א-ת])"),
        ("[Ll]", "[·•][Ll]"),
        ("[Ll][·•]", "[Ll]"),
        (rf"(?:\A|[\W\d_]){_LETTER}{{1,2}}", r"\^"),
        (r"[\w)]\^[{(+−-]?", r"\w"),
        (_SIGN, r"[_^]?\{\d+\}"),
        (r"\{", r"\d{1,3}\}"),
        ("[°º]", _LETTER),
        ("分[之の]", r"[〇零一二三四五六七八九十百千\d]"),
        (r"[一二三四五六七八九十百千\d]", "分[之の][一二三四五六七八九十百千\\d]"),
    )
]
# Articles and pronouns of Romance languages that lose a vowel: what follows them is a word of its own.
_ELIDED = re.compile(rf"(?:\A|[\W_])(?:[cdjlmst]|qu|un|(?:d|n|s|qu)?[ae]ll)[{_APOSTROPHES}]\Z", re.IGNORECASE)
_SPACE_IN_NUMBER = "[ \u00a0\u2009\u202f]"
_NUMERALS = "〇零一二三四五六七八九十百千万萬億亿兆两兩廿卅壹贰貳叁肆伍陆陸柒捌玖拾佰仟壱弐参"
_FRACTIONS = "¼-¾⅐-⅞"
# A number goes on before or after a place: 1,|234; 3.|5; −|5; $|5; 12:|30; 10|%; 3|.5; 10|^6; 1| ½; 18|+; 5|万.
_NUMBER_BEFORE = re.compile(
    r"\d[.,'’:/·٫٬^×÷+–−-]\Z"
    r"|(?:\A|[^\w.])[.,٫]\Z"
    rf"|(?<!\d)\d{{1,3}}{_SPACE_IN_NUMBER}\Z"
    r"|(?:\A|[^\w)\]])[-–−+±~≈<>≤≥]\Z"
    r"|[≤≥±−]\s\Z"
)
_NUMBER_AFTER = re.compile(
    r"[.,'’:/·٫٬^×÷–−-]\d"
    rf"|{_SPACE_IN_NUMBER}(?:\d{{3}}(?!\d)|\d{{1,2}}/\d{{1,2}}(?![\d/]))"
    r"|\s?[%‰‱°℃℉％]"
    rf"|[′″+]|\s?[{_FRACTIONS}]|,[-–—](?!\w)"
)
_PARTS = re.compile(rf"[{_FRACTIONS}]|\d{{1,2}}/\d{{1,2}}(?![\d/])")
_WHOLES = re.compile(rf"\d{_SPACE_IN_NUMBER}?\Z")
_UNIT_BEFORE, _UNIT_AFTER = re.compile(r"\d\s?[^\W\d_]{1,4}\Z"), re.compile(r"[/·^]\w")  # 5 km|/h
_IDEOGRAPH, _KANA = re.compile(f"[{IDEOGRAPHS}{HIRAGANA}]"), re.compile(f"[{KATAKANA}]")
_NEVER_FIRST = frozenset("ーぁぃぅぇぉっゃゅょゎゕゖ々〻ゝゞヽヾ")
_SOUTHEAST = re.compile(f"[{SOUTHEAST}]")
_LEADING = frozenset("เแโใไເແໂໃໄ")  # vowels that are written before their consonant
_FOLLOWING = frozenset("ะาำๅๆฯะາຳໆ")
# A syllable of Thai, Lao, Khmer or Burmese goes on: a vowel that wants a consonant behind it, one written below the
# other, and a consonant that is silent or closes the syllable.
_SYLLABLE_BEFORE = re.compile(
    "(?:[\u0e31\u0e37\u0eb1\u0eb7\u0ebb][\u0e48-\u0e4b\u0ec8-\u0ecb]?|[^ก]\u0e47|[\u17d2\u1039\u1a60])\\Z"
)
_SYLLABLE_AFTER = re.compile("[ก-ฮ][\u0e31\u0e34-\u0e39]?\u0e4c|[\u1000-\u102a]\u1037?[\u1039\u103a]")


def inside_word(text: str, at: int) -> bool:
    """Whether a quote that begins or ends at this place of a text would cut a word, a number or a character."""
    if not 0 < at < len(text):
        return False
    if splits_character(text, at):
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
    if _PARTS.match(after) and _WHOLES.search(before):
        return True
    if _currency(before, right) or (left.isdecimal() and _currency_after(after)):
        return True
    if _wordly(right) and _JOINED_BEFORE.search(before):
        return not _ELIDED.search(before)
    if _wordly(left) and _JOINED_AFTER.match(after):
        return True
    if _UNIT_AFTER.match(after) and _UNIT_BEFORE.search(before):
        return True
    if left.isspace() or right.isspace():
        return False
    if any(one.search(before) and other.match(after) for one, other in _JOINED):
        return True
    if _SYLLABLE_BEFORE.search(before) or _SYLLABLE_AFTER.match(after):
        return bool(_SOUTHEAST.match(left) and _SOUTHEAST.match(right))
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
    if right in _NEVER_FIRST or (_KANA.match(left) and _KANA.match(right)):
        return False
    if _SOUTHEAST.match(left) and _SOUTHEAST.match(right):
        return left not in _LEADING and right not in _FOLLOWING and unicodedata.category(right)[0] != "M"
    unspaced = [bool(_IDEOGRAPH.match(each) or _KANA.match(each)) for each in (left, right)]
    return any(unspaced) and unicodedata.category(right)[0] != "M"


def splits_character(text: str, at: int) -> bool:
    """Whether a place is inside what is read as one character (https://unicode.org/reports/tr29/)."""
    left, right = text[at - 1], text[at]
    if right in "\u200d\u20e3" or "\U0001f3fb" <= right <= "\U0001f3ff" or "\ufe00" <= right <= "\ufe0f":
        return left != "\n"
    if left == "\u200d" and not right.isspace():
        return True
    if "\U000e0020" <= right <= "\U000e007f":  # letters of a flag
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
