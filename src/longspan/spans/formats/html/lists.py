"""The numbers of an ordered list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from longspan.spans.formats.numerals import roman


@dataclass
class Numbering:
    """A list while it is read. ``kind`` is 1, a, A, i or I, and nothing for a list without numbers."""

    kind: str
    at: int
    step: int

    @classmethod
    def of(cls, node: Any, tag: str, attributes: dict[str, Any]) -> Self:
        if tag != "ol":
            return cls("", 0, 1)
        backwards = "reversed" in attributes
        first = _number(attributes.get("start"))
        if first is None:
            first = sum(child.tag == "li" for child in node.iter()) if backwards else 1
        return cls(attributes.get("type") or "1", first, -1 if backwards else 1)

    def next(self, attributes: dict[str, Any]) -> str:
        """What stands before the next item, such as ``4.``; nothing in a list without numbers."""
        if not self.kind:
            return ""
        said = _number(attributes.get("value"))
        number = self.at if said is None else said
        self.at = number + self.step
        return f"{_written(number, attributes.get('type') or self.kind)}."


def _number(said: str | None) -> int | None:
    try:
        return int(said or "") if len(said or "") < 12 else None
    except ValueError:
        return None


def _written(number: int, kind: str) -> str:
    if kind in ("i", "I"):
        return roman(number) if kind == "i" else roman(number).upper()
    if kind in ("a", "A") and number > 0:
        out = ""
        while number:
            number, digit = divmod(number - 1, 26)
            out = chr(ord(kind) + digit) + out
        return out
    return str(number)
