"""Calls as objects of JSON: `{"name": …, "arguments": {…}}`, alone or in a list."""

from __future__ import annotations

import json
from typing import Any

from longspan.serving.calling.heard import Heard
from longspan.serving.calling.source import Source, Steps
from longspan.serving.calling.values import loaded, string, value, whole, written

_KEYS = ("arguments", "parameters")
_FIRST = tuple(f'"{name}"' for name in ("name", "type", "id", "function", *_KEYS))


def calls(source: Source, heard: Heard, *, bare: bool = False) -> Steps[bool]:
    """Reads an object, or a list of them. bare: nothing says that it is a call but its own arguments."""
    if (yield from source.next()) != "[":
        return bool((yield from call(source, heard, bare=bare)))
    source.at += 1
    while True:
        yield from source.blanks()
        if not (yield from call(source, heard, bare=bare)):
            return False
        yield from source.blanks()
        if (yield from source.next()) == "]":
            source.at += 1
            return True
        if not (yield from source.word(",")):
            return False


def call(source: Source, heard: Heard, *, bare: bool = False, known: bool = False) -> Steps[bool]:
    """Reads an object, and tells its arguments while they come where a form holds it.

    known: whether it must be of a function that may be called.
    """
    start = source.at
    if heard.live:
        name = yield from _head(source)
        if name in heard.functions and (yield from source.next()) == "{":
            return bool((yield from _streamed(source, heard, name)))
        source.at = start
    if not (yield from source.word("{")):
        return False
    yield from source.blanks()
    if not (yield from source.word(*_FIRST)):
        return False
    source.at = start
    if not (yield from value(source)):
        return False
    found = _call(source.text[start : source.at], bare)
    if found is None or (known and found[0] not in heard.functions):
        return False
    heard.call(*found)
    return True


def arguments(source: Source, heard: Heard, name: str) -> Steps[bool]:
    """Reads the arguments of a call whose name is known."""
    start = source.at
    if (yield from source.next()) != "{":
        return False
    if heard.live and name in heard.functions:
        return bool((yield from _given(source, heard, name)))
    if not (yield from value(source)):
        return False
    text = _object(source.text[start : source.at])
    if text is not None:
        heard.call(name, text)
    return text is not None


def _head(source: Source) -> Steps[str]:
    """The name of a call as forms have it, up to its arguments; "" for anything else."""
    if not (yield from source.word('{"name": ')):
        return ""
    start = source.at
    if not (yield from string(source)):
        return ""
    name = str(json.loads(source.text[start : source.at], strict=False))
    return name if (yield from source.word(*(f', "{key}": ' for key in _KEYS))) else ""


def _streamed(source: Source, heard: Heard, name: str) -> Steps[bool]:
    if not (yield from _given(source, heard, name, ends=False)):
        return False
    if not (yield from source.word("}")):
        return False
    heard.end()
    return True


def _given(source: Source, heard: Heard, name: str, *, ends: bool = True) -> Steps[bool]:
    """Tells arguments as they come. ends: whether the call ends with them."""
    heard.begin(name)
    told, steps = source.at, value(source)
    while True:
        try:
            next(steps)
        except StopIteration as ended:
            heard.give(source.text[told : source.at])
            if ended.value and ends:
                heard.end()
            return bool(ended.value)
        heard.give(source.text[told : source.at])
        told = source.at
        yield


def _call(text: str, bare: bool) -> tuple[str, str] | None:
    """Name and arguments of a call, None where it is none."""
    try:
        record = loaded(text)
        if isinstance(record.get("function"), dict):
            record = record["function"]
        key = next((each for each in _KEYS if each in record), None)
        name, given = record.get("name"), record.get(key, {})
        if not isinstance(name, str) or not name or not whole(name) or (bare and key is None):
            return None
        return name, written(_mapping(given))
    except ValueError:
        return None


def _object(text: str) -> str | None:
    try:
        return written(_mapping(loaded(text)))
    except ValueError:
        return None


def _mapping(given: Any) -> dict[str, Any]:
    """Arguments, which may be a text that holds them. Raises ValueError for anything else."""
    if isinstance(given, str):
        given = loaded(given) if given.strip() else {}
    given = {} if given is None else given
    if not isinstance(given, dict):
        raise ValueError("arguments are no object")
    return given
