"""Dates and times as a format code of Excel shows them."""

from __future__ import annotations

import calendar
import datetime

_EPOCH = datetime.datetime(1899, 12, 30)
_EPOCH_1904 = datetime.datetime(1904, 1, 1)
_LAST = 2_958_466  # days: the first of the year 10000


def is_date(section: tuple[tuple[str, str], ...]) -> bool:
    """Whether a part of a format code shows a date, a time or a duration."""
    kinds = {kind for kind, _ in section}
    return bool(kinds & {"date", "elapsed", "half"}) and "general" not in kinds


def iso(number: float, *, since_1904: bool, time: bool) -> str:
    """A date that the file leaves to the reader's own habits."""
    moment = _moment(number, since_1904=since_1904)
    return f"{moment:%Y-%m-%d %H:%M}" if time else f"{moment:%Y-%m-%d}".rjust(10, "0")


def _moment(number: float, *, since_1904: bool) -> datetime.datetime:
    """Raises ValueError where Excel has no date."""
    if not 0 <= number < _LAST:
        raise ValueError("a date lies outside the years that Excel has")
    if since_1904:
        return _EPOCH_1904 + datetime.timedelta(days=number)
    early = 1 if 0 < number < 60 else 0  # Excel counts a 29 February 1900
    return _EPOCH + datetime.timedelta(days=number + early)


def date_text(number: float, section: tuple[tuple[str, str], ...], *, since_1904: bool) -> str:
    """The moment or the duration (in days) under a part of a format code."""
    tokens = [(kind, said.lower() if kind in ("date", "elapsed") else said) for kind, said in section]
    fine = next(
        (len(said) - said.find(".") - 1 for kind, said in tokens if kind == "date" and "." in said), 0
    )
    elapsed = any(kind == "elapsed" for kind, _ in tokens)
    seconds = round(abs(number) * 86400, min(fine, 6)) if fine else _rounded(abs(number) * 86400, tokens)
    moment = _EPOCH if elapsed else _moment(seconds / 86400, since_1904=since_1904)
    if not elapsed:
        moment += datetime.timedelta(microseconds=500)
    if number < 0 and not elapsed:
        raise ValueError("a date before the first that Excel has")
    half = any(kind == "half" for kind, _ in tokens)
    said = ["-"] if elapsed and number < 0 else []
    for at, (kind, token) in enumerate(tokens):
        if kind == "elapsed":
            said.append(f"{int(seconds // {'h': 3600, 'm': 60, 's': 1}[token[0]]):0{len(token)}}")
        elif kind == "half":
            names = ("AM", "PM") if "M" in token.upper() else ("A", "P")
            said.append(names[moment.hour >= 12])
        elif kind == "date":
            said.append(_part(token, at, tokens, moment, seconds, half=half, elapsed=elapsed))
        elif kind in ("quoted", "escaped", "currency", "other") or (kind, token) in (
            ("sign", "/"),
            ("sign", ","),
            ("sign", "."),
        ):
            said.append(token)
        elif kind == "room":
            said.append(" ")
    return "".join(said)


def _rounded(seconds: float, tokens: list[tuple[str, str]]) -> int:
    """Whole seconds; only a code that shows them may carry a half one over."""
    return (
        int(seconds + 0.5)
        if any(said.startswith("s") for kind, said in tokens if kind in ("date", "elapsed"))
        else int(seconds + 0.001)
    )


def _part(
    token: str,
    at: int,
    tokens: list[tuple[str, str]],
    moment: datetime.datetime,
    seconds: float,
    *,
    half: bool,
    elapsed: bool,
) -> str:
    first, long = token[0], len(token) > 1
    if elapsed and first in "hms":
        whole = int(seconds)
        counted = {"h": whole // 3600 % 24, "m": whole // 60 % 60, "s": whole % 60}[first]
        rest = f"{seconds % 1:.6f}"[1 : 2 + len(token) - token.find(".") - 1] if "." in token else ""
        return (f"{counted:02}" if long else str(counted)) + rest
    if first == "m" and _is_minute(at, tokens):
        return f"{moment.minute:02}" if long else str(moment.minute)
    if first in "ye":
        return f"{moment.year % 100:02}" if token in ("y", "yy") else f"{moment.year:04}"
    if first == "b":
        return f"{(moment.year + 543) % 10 ** (4 if len(token) > 2 else 2):02}"
    if first == "m":
        names = {3: calendar.month_abbr, 4: calendar.month_name}
        if len(token) == 5:
            return calendar.month_name[moment.month][0]
        return names[len(token)][moment.month] if len(token) in names else f"{moment.month:0{len(token)}}"
    if first in "da":
        names_of_days = {3: calendar.day_abbr, 4: calendar.day_name}
        if len(token) in names_of_days:
            return names_of_days[len(token)][moment.weekday()]
        return f"{moment.day:0{len(token)}}"
    if first == "h":
        hour = (moment.hour % 12 or 12) if half else moment.hour
        return f"{hour:02}" if long else str(hour)
    if first == "s":
        digits = len(token) - token.find(".") - 1 if "." in token else 0
        rest = f"{moment.microsecond:06}"[:digits]
        return (f"{moment.second:02}" if token.startswith("ss") else str(moment.second)) + (
            f".{rest}" if digits else ""
        )
    return ""


def _is_minute(at: int, tokens: list[tuple[str, str]]) -> bool:
    """Whether an m follows hours or stands before seconds."""
    timely = ("date", "elapsed")
    before = next((said for kind, said in reversed(tokens[:at]) if kind in timely), "")
    after = next((said for kind, said in tokens[at + 1 :] if kind in timely), "")
    return len(tokens[at][1]) <= 2 and (before.startswith("h") or after.startswith("s"))
