"""The numbers of a list, as its tag, its attributes and its styles have them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Self

from longspan.spans.formats.numerals import roman

_KINDS = {
    "decimal-leading-zero": "01",
    "lower-alpha": "a",
    "lower-latin": "a",
    "upper-alpha": "A",
    "upper-latin": "A",
    "lower-roman": "i",
    "upper-roman": "I",
    "lower-greek": "α",
} | dict.fromkeys(("none", "disc", "circle", "square", "disclosure-open", "disclosure-closed"), "")
_NO_KIND = {"inside", "outside", "inherit", "initial", "unset", "revert"}
_GREEK = "αβγδεζηθικλμνξοπρστυφχψω"


@dataclass
class Numbering:
    """A list while it is read. ``kind`` is 1, 01, a, A, i, I or α, and nothing for a list without numbers."""

    kind: str
    at: int
    step: int

    @classmethod
    def of(cls, node: Any, tag: str, attributes: dict[str, Any], properties: dict[str, str]) -> Self:
        styled = _styled(properties)
        if tag != "ol":
            return cls(styled or "", 1, 1)
        backwards = "reversed" in attributes
        first = _number(attributes.get("start"))
        if first is None:
            first = sum(child.tag == "li" for child in node.iter()) if backwards else 1
        kind = (attributes.get("type") or "1") if styled is None else styled
        return cls(kind, first, -1 if backwards else 1)

    def next(self, attributes: dict[str, Any], properties: dict[str, str]) -> str:
        """What stands before the next item, such as ``4.``; nothing if it has no number."""
        styled = _styled(properties)
        kind = ((self.kind and attributes.get("type")) or self.kind) if styled is None else styled
        said = _number(attributes.get("value"))
        number = self.at if said is None else said
        self.at = number + self.step
        if not kind or properties.get("display", "list-item") != "list-item":
            return ""
        return f"{_written(number, kind)}."


def _styled(properties: dict[str, str]) -> str | None:
    """The kind of number that styles ask for; None if they ask for none."""
    said = properties.get("list-style-type") or re.sub(r"url\([^)]*\)", "", properties.get("list-style", ""))
    if "'" in said or '"' in said:
        return ""  # a sign in the place of the number
    words = [word for word in said.split() if word not in _NO_KIND]
    kinds = [word for word in words if word != "none"] or words
    return _KINDS.get(kinds[0], "1") if kinds else None


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
    if kind == "α" and 0 < number <= len(_GREEK):
        return _GREEK[number - 1]
    return f"{number:02}" if kind == "01" else str(number)
