"""JSON, and values as Python writes them, read while they come."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

from longspan.serving.calling.source import LONGEST, Source, Steps

DEPTH = 32
_WORD = re.compile(rf"[-+.\w]{{0,{LONGEST}}}")
_PLAIN = {'"': re.compile(r'[^"\\]*'), "'": re.compile(r"[^'\\]*")}
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?", re.ASCII)
_JSON = frozenset(("true", "false", "null"))
_PYTHON = frozenset((*_JSON, "True", "False", "None"))
_HEX = re.compile(r"[0-9a-fA-F]{0,4}")


def value(source: Source, *, python: bool = False) -> Steps[bool]:
    """Reads a value, and whether it is one; the source then stands behind it, or where it breaks.

    Line breaks within strings are let through. python: values as Python writes them are read too.
    """
    inside: list[str] = []
    while True:
        yield from source.blanks()
        first = yield from source.next()
        opened = first != "" and first in "{["
        if opened:
            if len(inside) == DEPTH:
                return False
            source.at += 1
            inside.append("}" if first == "{" else "]")
            yield from source.blanks()
            empty = (yield from source.next()) == inside[-1]
            if not empty:
                if first == "{" and not (yield from _key(source, python)):
                    return False
                continue
        elif not (yield from _scalar(source, python)):
            return False
        while inside:
            yield from source.blanks()
            following = yield from source.next()
            if following not in (inside[-1], ","):
                return False
            source.at += 1
            if following == ",":
                break
            inside.pop()
        if not inside:
            return True
        if inside[-1] == "}" and not (yield from _key(source, python)):
            return False


def _key(source: Source, python: bool) -> Steps[bool]:
    yield from source.blanks()
    if not (yield from string(source, python=python)):
        return False
    yield from source.blanks()
    return bool((yield from source.word(":")))


def _scalar(source: Source, python: bool) -> Steps[bool]:
    first = yield from source.next()
    if first in _PLAIN:
        return bool((yield from string(source, python=python)))
    word = yield from source.run(_WORD)
    return word in (_PYTHON if python else _JSON) or bool(_NUMBER.fullmatch(word))


def string(source: Source, *, python: bool = False) -> Steps[bool]:
    """Reads a string, as `value` does."""
    quote = yield from source.next()
    if quote != '"' and not (python and quote == "'"):
        return False
    source.at += 1
    while True:
        while True:
            source.at = getattr(_PLAIN[quote].match(source.text, source.at), "end", int)()
            if source.at < len(source.text) or source.ended:
                break
            yield
        following = yield from source.next()
        if following in ("", quote):
            source.at += len(following)
            return following == quote
        source.at += 1
        escaped = yield from source.next()
        if not escaped or (not python and escaped not in '"\\/bfnrtu'):
            return False
        source.at += 1
        if not python and escaped == "u" and not (yield from _four(source)):
            return False


def _four(source: Source) -> Steps[bool]:
    for _ in range(4):
        digit = yield from source.next()
        if not digit or not _HEX.fullmatch(digit):
            return False
        source.at += 1
    return True


def loaded(text: str, *, python: bool = False) -> Any:
    """What a text that `value` has read says. Raises ValueError where that is nothing that JSON can hold."""
    try:
        try:
            found = json.loads(text, strict=False, parse_constant=_none)
        except ValueError:
            if not python:
                raise
            found = ast.literal_eval(text.strip())
        written(found)
    except (SyntaxError, TypeError, RecursionError, MemoryError) as error:
        raise ValueError(str(error)) from None
    return found


def literal(text: str) -> Any:
    """The value that a whole text is, as JSON or Python write it. Raises ValueError where it is none."""
    source = Source()
    source.text, source.ended = text, True
    try:
        next(value(source, python=True))
    except StopIteration as read:
        if read.value and not source.rest.strip():
            return loaded(text, python=True)
    raise ValueError(f"{text[:40]!r} is no value")


def written(found: Any) -> str:
    """A value as JSON. Raises ValueError for numbers that JSON does not have."""
    text = json.dumps(found, ensure_ascii=False, allow_nan=False)
    return text if whole(text) else json.dumps(found, allow_nan=False)


def whole(text: str) -> bool:
    """Whether a text has no halves of characters."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _none(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
