"""Numbers as a format code of Excel shows them: 1,234.50 €, 12 %, 4.3.2024, 1:30."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import lru_cache

from longspan.spans.formats.sheets.dates import date_text, is_date

_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"?|\\(?P<escaped>.)|_(?P<room>.)|\*(?P<fill>.)'
    r"|\[\$(?P<currency>[^\]-]*)[^\]]*\]|\[(?P<condition>[<>=]+-?[\d.]+)\]|\[(?P<elapsed>[hms]+)\]|\[(?P<ignored>[^\]]*)\]"
    r"|(?P<general>General)|(?P<half>AM/PM|A/P|上午/下午)"
    r"|(?P<exponent>[Ee][+-])|(?P<date>y+|m+|d+|h+|s+(?:\.0+)?|e+|b+|g+|a{3,4})|(?P<digit>[0#?])"
    r"|(?P<sign>[.,%/@])|(?P<other>.)",
    re.IGNORECASE | re.DOTALL,
)
Tokens = tuple[tuple[str, str], ...]
_MAX_CODE = 1000
_MAX_DIGITS = 127


def general(number: float) -> str:
    """A number without a format, to the 15 digits that Excel keeps."""
    if number != number or number in (float("inf"), float("-inf")):
        return str(number)
    if number == int(number) and abs(number) < 1e15:
        return str(int(number))
    said = f"{number:.15G}"
    if "E" not in said:
        return said
    return f"{Decimal(said):f}" if abs(number) < 1e21 and abs(number) > 1e-9 else said


def shown(number: float, code: str, *, since_1904: bool = False) -> str:
    """A number under a format code; with a code that is not understood as without any."""
    try:
        section, minus = _section(number, _sections(code[:_MAX_CODE]))
        if is_date(section):
            return date_text(number, section, since_1904=since_1904)
        said = _number(abs(number), section)
        return f"-{said}" if minus and said.strip("0.,% ") else said
    except (ArithmeticError, ValueError, IndexError):
        return general(number)


def shown_text(text: str, code: str) -> str:
    """A text under a format code: its part for texts, in which @ stands for them."""
    sections = _sections(code[:_MAX_CODE])
    if len(sections) < 4 and not any(token == ("sign", "@") for token in sections[-1]):
        return text
    return "".join(text if token == ("sign", "@") else _literal(*token) for token in sections[-1])


@lru_cache(maxsize=512)
def _sections(code: str) -> tuple[Tokens, ...]:
    sections: list[list[tuple[str, str]]] = [[]]
    for match in _TOKEN.finditer(code):
        kind = match.lastgroup or "other"
        if kind == "other" and match[0] == ";":
            sections.append([])
        else:
            sections[-1].append((kind, match[kind]))
    return tuple(map(tuple, sections))


def _section(number: float, sections: tuple[Tokens, ...]) -> tuple[Tokens, bool]:
    """The part of a code that is for the number, and whether a minus stands before what it gives."""
    of_numbers = sections[:3]
    conditions = [next((said for kind, said in each if kind == "condition"), "") for each in of_numbers]
    if any(conditions):
        for section, condition in zip(of_numbers, conditions, strict=True):
            if not condition or _holds(number, condition):
                return section, number < 0
        return of_numbers[-1], number < 0
    if len(of_numbers) > 1 and number < 0:
        return of_numbers[1], False
    if len(of_numbers) > 2 and number == 0:
        return of_numbers[2], False
    return of_numbers[0], number < 0


def _holds(number: float, condition: str) -> bool:
    match = re.fullmatch(r"([<>=]+)(-?[\d.]+)", condition)
    limit = float(match[2]) if match else 0.0
    return {
        "<": number < limit,
        "<=": number <= limit,
        ">": number > limit,
        ">=": number >= limit,
        "<>": number != limit,
        "=": number == limit,
    }[match[1] if match else "="]


def _literal(kind: str, said: str) -> str:
    if kind in ("quoted", "escaped", "currency", "other"):
        return said
    if kind == "date":
        return said
    return {"room": " ", "sign": said if said in "/%" else ""}.get(kind, "")


def _number(number: float, section: Tokens) -> str:
    kinds = [kind for kind, _ in section]
    if "digit" not in kinds:
        return "".join(
            general(number) if kind == "general" or said == "@" else _literal(kind, said)
            for kind, said in section
        )
    signs = [number for number, (kind, _) in enumerate(section) if kind == "digit"]
    slashes = [at for at, token in enumerate(section) if token == ("sign", "/") and at > signs[0]]
    slash = next((at for at in slashes if section[at + 1 : at + 2] and _is_below(*section[at + 1])), None)
    exact = Decimal(repr(number)) * 100 ** sum(token == ("sign", "%") for token in section)
    if slash is not None:
        return _fraction(exact, section, signs, slash)
    if "exponent" in kinds:
        return _scientific(exact, section, kinds.index("exponent"))
    return _decimal(exact, section, signs)


def _is_below(kind: str, said: str) -> bool:
    """Whether a token begins what stands below the line of a fraction."""
    return kind == "digit" or (kind == "other" and said.isdecimal())


def _decimal(exact: Decimal, section: Tokens, signs: list[int]) -> str:
    point = next((at for at, token in enumerate(section) if token == ("sign", ".")), len(section))
    whole_ones = [at for at in signs if at < point]
    decimals = [at for at in signs if at > point]
    commas = [at for at, token in enumerate(section) if token == ("sign", ",")]
    last = whole_ones[-1] if whole_ones else -1
    exact = exact / 1000 ** sum(last < at < point or at > signs[-1] for at in commas)
    thousands = any(whole_ones and whole_ones[0] < at < last for at in commas)
    rounded = exact.quantize(Decimal(1).scaleb(-min(len(decimals), _MAX_DIGITS)), ROUND_HALF_UP)
    whole, _, rest = f"{rounded:f}".partition(".")
    whole = whole.lstrip("0")
    said: list[str] = []
    taken = 0

    def grouped(digits: str) -> str:
        nonlocal taken
        out = ""
        for digit in reversed(digits):
            out = digit + ("," if thousands and taken and taken % 3 == 0 else "") + out
            taken += 1
        return out

    for at in range(point - 1, -1, -1):
        kind, sign = section[at]
        if kind == "digit":
            first = at == whole_ones[0]
            digits, whole = (whole, "") if first else (whole[-1:], whole[:-1])
            digits = digits or {"0": "0", "?": " ", "#": ""}[sign]
            said.insert(0, grouped(digits))
        elif (kind, sign) == ("sign", "%"):
            said.insert(0, "%")
        elif kind != "sign":
            said.insert(0, _literal(kind, sign))
    kept = max(
        (
            number
            for number, at in enumerate(decimals, 1)
            if section[at][1] == "0" or rest[number - 1 :].strip("0")
        ),
        default=0,
    )
    if point < len(section) and kept:
        said.append(".")
    if not whole_ones and whole:
        said.insert(max(0, len(said) - 1), whole)
    place = 0
    for at in range(point + 1, len(section)):
        kind, sign = section[at]
        if kind == "digit":
            said.append(rest[place] if place < kept else " " if sign == "?" else "")
            place += 1
        elif (kind, sign) == ("sign", "%"):
            said.append("%")
        elif kind != "sign":
            said.append(_literal(kind, sign))
    return "".join(said)


def _scientific(exact: Decimal, section: Tokens, at: int) -> str:
    before, after = section[:at], section[at + 1 :]
    point = next((place for place, token in enumerate(before) if token == ("sign", ".")), len(before))
    width = max(1, sum(kind == "digit" for kind, _ in before[:point]))
    power = 0 if exact == 0 else exact.adjusted() - (exact.adjusted() % width if width > 1 else 0)
    mantissa = exact.scaleb(-power)
    said = _decimal(mantissa, before, [place for place, (kind, _) in enumerate(before) if kind == "digit"])
    digits = sum(kind == "digit" for kind, _ in after)
    sign = "-" if power < 0 else "+" if section[at][1].endswith("+") else ""
    tail = "".join(_literal(*token) for token in after if token[0] != "digit")
    return f"{said}E{sign}{abs(power):0{max(1, digits)}}{tail}"


def _fraction(exact: Decimal, section: Tokens, signs: list[int], slash: int) -> str:
    behind = "".join(
        said for kind, said in section[slash + 1 :] if kind in ("digit", "other") and said.strip()
    )
    over = [at for at in signs if at < slash]
    gap = next((at for at in range(over[-1], over[0], -1) if section[at][0] not in ("digit",)), None)
    if behind.strip("0#?").isdigit():
        bottom = int(re.sub(r"[#?]", "", behind))
        fraction = Fraction(round(Fraction(exact) * bottom), bottom)
        top = round(Fraction(exact) * bottom)
    else:
        fraction = Fraction(exact).limit_denominator(10 ** min(len(behind), 4) - 1)
        top, bottom = fraction.numerator, fraction.denominator
    whole = 0
    if gap is not None:
        whole, top = divmod(top, bottom)
    del fraction
    parts = [str(whole)] if whole or not top else []
    parts += [f"{top}/{bottom}"] if top or gap is None else []
    lead = "".join(_literal(*token) for token in section[: over[0]])
    tail = "".join(
        _literal(*token)
        for token in section[signs[-1] + 1 :]
        if token[0] in ("quoted", "escaped", "currency")
    )
    return lead + " ".join(parts) + tail
