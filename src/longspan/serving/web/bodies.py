"""JSON that clients send, within bounds, and its fields by name."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar

from fastapi import Request

from longspan.serving.refused import Refused

DEPTH = 64
"""Objects and lists inside one another."""
VALUES = 200_000
"""Values in all."""
_NUMBER = 10**300
"""Whole numbers beyond it are none to a computer's arithmetic."""

T = TypeVar("T")


async def body(request: Request) -> dict[str, Any]:
    """The JSON object of a request. Raises Refused, invalid, for anything else."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused(
            f"content-type is {kind[:80]!r}; send application/json", code="unsupported_content_type"
        )
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refused("content-encoding is not taken; send the body as it is", code="unsupported_encoding")
    return parsed(await request.body())


def parsed(data: bytes) -> dict[str, Any]:
    """The JSON object that bytes spell."""
    try:
        value = json.loads(data.decode("utf-8"), parse_constant=_no_number)
    except UnicodeDecodeError as error:
        raise Refused(
            f"the body is no UTF-8 (byte {error.start}); send JSON in UTF-8", code="invalid_json"
        ) from None
    except RecursionError:
        raise Refused(
            f"the body is nested too deeply, allowed are {DEPTH} levels", code="invalid_json"
        ) from None
    except ValueError as error:
        raise Refused(f"the body is no JSON ({str(error)[:200]})", code="invalid_json") from None
    if not isinstance(value, dict):
        raise Refused("the body is no JSON object", code="invalid_json")
    _bounded(value)
    return value


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _bounded(value: Any) -> None:
    level, count = [value], 0
    for _ in range(DEPTH):
        count += len(level)
        if count > VALUES:
            raise Refused(f"the body has more than {VALUES:,} values", code="invalid_json")
        for one in level:
            _whole(one)
        level = inside(level)
        if not level:
            return
    raise Refused(f"the body is nested too deeply, allowed are {DEPTH} levels", code="invalid_json")


def inside(values: Sequence[Any]) -> list[Any]:
    """What stands one level deeper in JSON."""
    return [
        each
        for one in values
        if isinstance(one, dict | list)
        for each in (one.values() if isinstance(one, dict) else one)
    ]


def _whole(value: Any) -> None:
    """Raises Refused for halves of characters, which JSON can spell out and nothing else can hold."""
    texts = [value] if isinstance(value, str) else value if isinstance(value, dict) else ()
    for text in texts:
        try:
            text.isascii() or text.encode()
        except UnicodeEncodeError as error:
            raise Refused(
                f"the body has half of a character (U+{ord(text[error.start]):04X}); send whole ones",
                code="invalid_json",
            ) from None


_NAMES: dict[type, str] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    dict: "an object",
    list: "a list",
}


def taken(fields: Mapping[str, Any], name: str, kind: type[T], default: Any = None, *, at: str = "") -> Any:
    """A field of a JSON object, `default` where it is missing or null. Raises Refused where it is of another kind.

    at: where the object stands in the body, such as "messages[2]".
    """
    value = fields.get(name)
    if value is None:
        return default
    if kind is float and isinstance(value, int) and not isinstance(value, bool) and abs(value) < _NUMBER:
        value = float(value)
    if kind is int and isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise wrong(value, f"{at}.{name}" if at else name, f"allowed is {_NAMES[kind]}")
    return value


def within(
    fields: Mapping[str, Any],
    name: str,
    kind: type[T],
    low: float,
    high: float,
    default: Any = None,
    *,
    at: str = "",
) -> Any:
    """A number of a JSON object between two bounds."""
    value = taken(fields, name, kind, default, at=at)
    if value is not None and value is not default and not low <= value <= high:
        raise wrong(value, f"{at}.{name}" if at else name, f"allowed are {low:g} .. {high:g}")
    return value


def one_of(
    fields: Mapping[str, Any], name: str, allowed: Sequence[str], default: str, *, at: str = ""
) -> str:
    """A word out of some."""
    value = taken(fields, name, str, default, at=at)
    if value not in allowed:
        raise wrong(value, f"{at}.{name}" if at else name, f"allowed are {', '.join(allowed)}")
    return str(value)


def only(fields: Mapping[str, Any], allowed: Collection[str], at: str) -> None:
    """Raises Refused for a field that is not known where nothing unknown may stand."""
    unknown = sorted(set(fields) - set(allowed))
    if unknown:
        raise Refused(
            f"{at}.{unknown[0][:80]} is not known; allowed are {', '.join(sorted(allowed))}",
            code="unknown_parameter",
            param=f"{at}.{unknown[0][:80]}",
        )


def wrong(value: Any, where: str, allowed: str) -> Refused:
    """What to raise for a value that may not be."""
    return Refused(f"{where} is {_short(value)}; {allowed}", code="invalid_value", param=where)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:77]}..."
