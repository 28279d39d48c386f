"""JSON objects in what a model says, read with patience."""

from __future__ import annotations

import json
import re
from typing import Any

_TRAILING = re.compile(r",(\s*[}\]])")
_QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"'})


def object_in(said: str) -> dict[str, Any] | None:
    """The first JSON object in a reply, whatever stands around it; None where there is none to its end.

    Line breaks within texts, commas before a closing bracket, and curly quotation marks in place of straight ones are
    mended; what is cut short is not closed.
    """
    for text in dict.fromkeys(
        (said, _TRAILING.sub(r"\1", said), _TRAILING.sub(r"\1", said.translate(_QUOTES)))
    ):
        for start in (each.start() for each in re.finditer(r"\{", text)):
            try:
                found, _ = json.JSONDecoder(strict=False).raw_decode(text, start)
            except (ValueError, RecursionError):
                continue
            if isinstance(found, dict):
                return found
            break
    return None


def text_of(found: dict[str, Any], name: str) -> str:
    """A field as text, whatever the case of its name; empty where it is none."""
    value = next((value for key, value in found.items() if key.lower() == name), "")
    return value.strip() if isinstance(value, str) else ""


def texts_of(found: dict[str, Any], name: str) -> list[str]:
    """A field as the distinct texts of its list."""
    value: Any = next((value for key, value in found.items() if key.lower() == name), [])
    listed = value if isinstance(value, list) else [value]
    said = [
        each if isinstance(each, str) else " ".join(map(str, each.values())) if isinstance(each, dict) else ""
        for each in listed
    ]
    return [each.strip() for each in dict.fromkeys(said) if each.strip()]
