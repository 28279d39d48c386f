"""Numbers as lists and notes write them: 4, iv, d, ④, 四."""

from __future__ import annotations

from collections.abc import Callable

_ROMAN = (
    (1000, "m"),
    (900, "cm"),
    (500, "d"),
    (400, "cd"),
    (100, "c"),
    (90, "xc"),
    (50, "l"),
    (40, "xl"),
    (10, "x"),
    (9, "ix"),
    (5, "v"),
    (4, "iv"),
    (1, "i"),
)
_WORDS = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety"""
_ONES, _TENS = _WORDS.split()[:20], _WORDS.split()[20:]
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
}
_ORDINALS |= {"twelve": "twelfth"}
_HAN = "〇一二三四五六七八九"
_LEGAL = "零壹贰叁肆伍陆柒捌玖"
_JAPANESE_LEGAL = "零壱弐参四伍六七八九"


def roman(number: int) -> str:
    """Lower case; from 4,000 on, where there are none, in digits."""
    if not 0 < number < 4000:
        return str(number)
    said = ""
    for size, letters in _ROMAN:
        said += letters * (number // size)
        number %= size
    return said


def _letters(alphabet: str) -> Callable[[int], str]:
    """a, b, ... z, aa, bb, ..."""

    def said(number: int) -> str:
        if not 0 < number <= 100 * len(alphabet):
            return str(number)
        turn, letter = divmod(number - 1, len(alphabet))
        return alphabet[letter] * (turn + 1)

    return said


def _one_of(signs: str) -> Callable[[int], str]:
    """The sign of the number; in digits beyond the last."""
    return lambda number: signs[number - 1] if 0 < number <= len(signs) else str(number)


def _digits(signs: str) -> Callable[[int], str]:
    return lambda number: "".join(signs[int(each)] if each.isdigit() else each for each in str(number))


def _counted(signs: str, units: str, *, zero: str = "", bare: str = "") -> Callable[[int], str]:
    """As in 二十三: digits with ten, hundred and thousand.

    ``zero`` stands for gaps between digits. A one is not written before the units in ``bare``; before a ten, if
    ``bare`` is "first", where the number begins with it.
    """

    def said(number: int) -> str:
        if not 0 < number < 10_000:
            return _digits(signs)(number)
        written, gap = "", False
        for place in (3, 2, 1, 0):
            digit, unit = number // 10**place % 10, units[place - 1] if place else ""
            if not digit:
                gap = True
                continue
            silent = unit in bare or (bare == "first" and place == 1 and not written)
            written += zero if gap and written else ""
            written += unit if digit == 1 and place and silent else signs[digit] + unit
            gap = False
        return written

    return said


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th"""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def cardinal_words(number: int) -> str:
    """Twenty-one"""
    if not 0 <= number < 1000:
        return str(number)
    if number < 20:
        said = _ONES[number]
    elif number < 100:
        said = _TENS[number // 10 - 2] + (f"-{_ONES[number % 10]}" if number % 10 else "")
    else:
        rest = f" {cardinal_words(number % 100).lower()}" if number % 100 else ""
        said = f"{_ONES[number // 100]} hundred{rest}"
    return said.capitalize()


def ordinal_words(number: int) -> str:
    """Twenty-first"""
    said = cardinal_words(number)
    cut = max(said.rfind("-"), said.rfind(" ")) + 1
    last = said[cut:].lower()
    if last.isdigit():
        return ordinal(number)
    last = _ORDINALS.get(last, last[:-1] + "ieth" if last.endswith("y") else last + "th")
    return (said[:cut] + last).capitalize()


def _circled(number: int) -> str:
    for low, high, first in ((1, 20, 0x2460), (21, 35, 0x3251), (36, 50, 0x32B1)):
        if low <= number <= high:
            return chr(first + number - low)
    return f"({number})"


_AIUEO = "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヲン"
_IROHA = "イロハニホヘトチリヌルヲワカヨタレソツネナラムウヰノオクヤマケフコエテアサキユメミシヱヒモセスン"
_RUSSIAN = "абвгдежзиклмнопрстуфхцчшщыэюя"
_HEBREW = "אבגדהוזחטיכלמנסעפצקרשת"
_FORMS: dict[str, Callable[[int], str]] = {
    "decimal": str,
    "decimalHalfWidth": str,
    "lowerRoman": roman,
    "upperRoman": lambda number: roman(number).upper(),
    "lowerLetter": _letters("abcdefghijklmnopqrstuvwxyz"),
    "upperLetter": _letters("ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    "russianLower": _letters(_RUSSIAN),
    "russianUpper": _letters(_RUSSIAN.upper()),
    "hebrew2": _letters(_HEBREW),
    "ordinal": ordinal,
    "cardinalText": cardinal_words,
    "ordinalText": ordinal_words,
    "hex": lambda number: f"{number:X}",
    "decimalZero": lambda number: f"{number:02}",
    "numberInDash": lambda number: f"- {number} -",
    "chicago": _letters("*†‡§"),
    "decimalEnclosedCircle": _circled,
    "decimalEnclosedCircleChinese": _circled,
    "decimalEnclosedParen": lambda number: f"({number})",
    "decimalEnclosedFullstop": lambda number: f"{number}.",
    "decimalFullWidth": _digits("０１２３４５６７８９"),
    "decimalFullWidth2": _digits("０１２３４５６７８９"),
    "thaiNumbers": _digits("๐๑๒๓๔๕๖๗๘๙"),
    "hindiNumbers": _digits("०१२३४५६७८९"),
    "arabicAlpha": _letters("أبتثجحخدذرزسشصضطظعغفقكلمنهوي"),
    "arabicAbjad": _letters("أبجدهوزحطيكلمنسعفصقرشتثخذضظغ"),
    "ideographDigital": _digits(_HAN),
    "japaneseDigitalTenThousand": _digits(_HAN),
    "koreanDigital": _digits("영일이삼사오육칠팔구"),
    "koreanDigital2": _digits("零一二三四五六七八九"),
    "taiwaneseDigital": _digits("○一二三四五六七八九"),
    "chineseCounting": _counted(_HAN, "十百千", zero="〇", bare="first"),
    "chineseCountingThousand": _counted(_HAN, "十百千", zero="〇", bare="first"),
    "japaneseCounting": _counted(_HAN, "十百千", bare="十百千"),
    "taiwaneseCounting": _counted(_HAN, "十百千", zero="〇", bare="first"),
    "taiwaneseCountingThousand": _counted(_HAN, "十百千", zero="〇", bare="first"),
    "chineseLegalSimplified": _counted(_LEGAL, "拾佰仟", zero="零"),
    "japaneseLegal": _counted(_JAPANESE_LEGAL, "拾百阡"),
    "ideographLegalTraditional": _counted("零壹貳參肆伍陸柒捌玖", "拾佰仟", zero="零"),
    "koreanCounting": _counted("영일이삼사오육칠팔구", "십백천", bare="십백천"),
    "ideographTraditional": _one_of("甲乙丙丁戊己庚辛壬癸"),
    "ideographZodiac": _one_of("子丑寅卯辰巳午未申酉戌亥"),
    "ideographEnclosedCircle": _one_of("㊀㊁㊂㊃㊄㊅㊆㊇㊈㊉"),
    "aiueoFullWidth": _one_of(_AIUEO),
    "aiueo": _one_of(_AIUEO),
    "iroha": _one_of(_IROHA),
    "irohaFullWidth": _one_of(_IROHA),
    "ganada": _one_of("가나다라마바사아자차카타파하"),
    "chosung": _one_of("ㄱㄴㄷㄹㅁㅂㅅㅇㅈㅊㅋㅌㅍㅎ"),
    "none": lambda number: "",
}


def written(number: int, form: str) -> str | None:
    """The number in a form as Word names them; None if the form is not known.

    Custom forms are those of leading zeros, such as ``001, 002, 003, ...``.
    """
    first = form.partition(",")[0].strip()
    if first.isascii() and first.isdigit() and first.startswith("0"):
        return f"{number:0{min(len(first), 9)}}"
    return _FORMS[form](number) if form in _FORMS else None
