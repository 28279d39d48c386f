"""What may come out of a sandbox: plain JSON of bounded depth and size, whatever a program sends."""

from __future__ import annotations

import math
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

DEPTH = 32
"""Lists and mappings within each other."""

CHARACTERS = 1_000_000
"""Characters of all texts of a value, and how many parts it may have."""


class NotPlain(ValueError):
    """A value that is no plain JSON, or too large."""


def plain(value: object) -> Json:
    """A copy of the value out of None, bool, int, float, str, list and dict; tuples become lists.

    Only the exact types are taken, so that nothing of the value's own is called. Raises NotPlain.
    """
    return _copied(value, DEPTH, [CHARACTERS])


def whole_text(text: str) -> bool:
    """Whether the text holds no half of a character."""
    return not any("\ud800" <= character <= "\udfff" for character in text) if not text.isascii() else True


def _copied(value: object, depth: int, room: list[int]) -> Json:
    room[0] -= len(value) if isinstance(value, str) else 1
    if room[0] < 0:
        raise NotPlain(f"it has more than {CHARACTERS:,} characters or parts")
    if depth == 0:
        raise NotPlain(f"it is nested more than {DEPTH} deep, or holds itself")
    kind = type(value)
    if value is None or kind is bool:
        return value  # type: ignore[return-value]
    if kind is str:
        if not whole_text(value):  # type: ignore[arg-type]
            raise NotPlain("it holds half of a character")
        return value  # type: ignore[return-value]
    if kind is int:
        if value.bit_length() > 1024:  # type: ignore[attr-defined]
            raise NotPlain("it is a number of more than 1,024 bits")
        return value  # type: ignore[return-value]
    if kind is float:
        if not math.isfinite(value):  # type: ignore[arg-type]
            raise NotPlain("it is a number that is not finite")
        return value  # type: ignore[return-value]
    if kind is list or kind is tuple:
        return [_copied(each, depth - 1, room) for each in value]  # type: ignore[attr-defined]
    if kind is dict:
        if not all(type(key) is str for key in value):  # type: ignore[attr-defined]
            raise NotPlain("a key is no text")
        return {
            _copied(key, depth, room): _copied(each, depth - 1, room)  # type: ignore[misc]
            for key, each in value.items()  # type: ignore[attr-defined]
        }
    raise NotPlain("it is no text, number, list or mapping")
