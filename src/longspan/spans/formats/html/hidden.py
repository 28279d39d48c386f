"""What a page's own styles hide from its reader, or strike out, raise and lower.

Styles in the page and on its elements are weighed as browsers do: importance, then specificity, then order. Style
sheets in other files are not known, and rules for print or for some widths of a window do not count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_READ = {"display", "visibility", "opacity", "font-size", "text-decoration", "text-decoration-line"}
_READ |= {"vertical-align", "white-space", "content-visibility", "list-style", "list-style-type"}
_READ |= {"position", "top", "bottom"}
_ADDED = re.compile(r"(?<![\w-])content\s*:([^;]*)", re.IGNORECASE)
_QUOTED = re.compile(r"\"([^\"]*)\"|'([^']*)'")
_ESCAPED = re.compile(r"\\([0-9a-fA-F]{1,6})\s?")
_LENGTH = re.compile(r"(-?)(\d*\.?\d+)(?:[a-z]+|%)?")
_DYNAMIC = re.compile(
    r"::|:(?:hover|focus|active|target|checked|visited|link|before|after|first-l)", re.IGNORECASE
)
_ZERO = re.compile(r"0*\.?0+(?:[a-z]+|%)?", re.IGNORECASE)
_MAX_LOOKS = 40_000_000  # characters of the page times selectors


class Styles:
    """The properties that matter here, element by element. ``complete`` is False if there were too many rules."""

    def __init__(self, tree: Any, size: int) -> None:
        self._of: dict[int, list[tuple[tuple[bool, tuple[int, int, int], int], str, str]]] = {}
        self.complete = True
        self.adds_text = False
        rules = list(self._rules(tree))
        if len(rules) * size > _MAX_LOOKS and len(rules) > 20:
            self.complete = False
            return
        for order, (selector, declarations) in enumerate(rules):
            try:
                nodes = tree.css(selector)
            except Exception:  # noqa: S112 - the parser has no other word for a selector that it does not know
                continue
            for node in nodes:
                self._of.setdefault(node.mem_id, []).extend(
                    ((important, _specificity(selector), order), name, value)
                    for name, value, important in declarations
                )

    def of(self, node: Any, style: str | None) -> dict[str, str]:
        """The properties of an element with that style attribute."""
        said = self._of.get(node.mem_id, [])
        if style:
            own = [((important, (9999, 0, 0), 0), name, value) for name, value, important in declared(style)]
            said = said + own
        return {name: value for _, name, value in sorted(said, key=lambda each: each[0])} if said else {}

    def _rules(self, tree: Any) -> Iterator[tuple[str, list[tuple[str, str, bool]]]]:
        import tinycss2

        for sheet in tree.css("style"):
            kind = (sheet.attributes.get("media") or "all").lower()
            if kind in ("all", "screen", ""):
                parsed = tinycss2.parse_stylesheet(sheet.text(), skip_comments=True, skip_whitespace=True)
                yield from self._in(parsed)

    def _in(self, rules: Any, depth: int = 0) -> Iterator[tuple[str, list[tuple[str, str, bool]]]]:
        import tinycss2

        for rule in rules:
            if rule.type == "qualified-rule":
                selectors = tinycss2.serialize(rule.prelude)
                said = declared(tinycss2.serialize(rule.content))
                if any(place in selectors for place in (":before", ":after", ":marker")):
                    self.adds_text = self.adds_text or _adds_words(tinycss2.serialize(rule.content))
                kept = [each for each in said if each[0] in _READ]
                for selector in selectors.split(",") if kept else ():
                    if not _DYNAMIC.search(selector):
                        yield selector.strip(), kept
            elif (
                rule.type == "at-rule"
                and rule.lower_at_keyword in ("media", "layer", "supports")
                and depth < 8
            ):
                words = tinycss2.serialize(rule.prelude).strip().lower()
                if rule.content and (rule.lower_at_keyword != "media" or words in ("all", "screen", "")):
                    inner = tinycss2.parse_blocks_contents(
                        rule.content, skip_comments=True, skip_whitespace=True
                    )
                    yield from self._in(inner, depth + 1)


def declared(style: str) -> list[tuple[str, str, bool]]:
    """Name, value and importance of each declaration that is read."""
    found = []
    for declaration in style.split(";"):
        name, _, value = declaration.partition(":")
        name, value = name.strip().lower(), value.strip().lower()
        if name in _READ and value:
            plain = re.sub(r"\s*!\s*important$", "", value)
            found.append((name, plain, plain != value))
    return found


def _adds_words(declarations: str) -> bool:
    """Whether a style puts words or numbers before or behind an element; signs of icon fonts are none."""
    for said in _ADDED.findall(declarations):
        if re.search(r"\b(?:attr|counters?)\(", said):
            return True
        strings = (_ESCAPED.sub(_escaped, one or two) for one, two in _QUOTED.findall(said))
        if any(map(str.isalnum, "".join(strings))):
            return True
    return False


def _escaped(code: re.Match[str]) -> str:
    number = int(code[1], 16)
    return chr(number) if number <= 0x10FFFF else ""


def script(properties: dict[str, str]) -> str:
    """``^`` for what styles raise, ``_`` for what they lower, else nothing."""
    said = properties.get("vertical-align", "")
    if said in ("super", "text-top"):
        return "^"
    if said == "sub":
        return "_"
    if shift := _shift(said):
        return "^" if shift > 0 else "_"
    if properties.get("position") == "relative" and "font-size" in properties:
        shift = _shift(properties.get("bottom", "")) or -_shift(properties.get("top", ""))
        return "^" if shift > 0 else "_" if shift < 0 else ""
    return ""


def _shift(said: str) -> float:
    length = _LENGTH.fullmatch(said)
    return float(f"{length[1]}{length[2]}") if length else 0.0


def _specificity(selector: str) -> tuple[int, int, int]:
    ids = len(re.findall(r"#[\w-]+", selector))
    classes = len(re.findall(r"\.[\w-]+|\[[^\]]*\]|:[\w-]+", selector))
    return ids, classes, len(re.findall(r"(?:^|[\s>+~])[a-zA-Z][\w-]*", selector))


def gone(properties: dict[str, str]) -> bool:
    """Whether an element and all within it is not to be seen, whatever stands on its children."""
    return (
        properties.get("display") == "none"
        or properties.get("content-visibility") == "hidden"
        or bool(_ZERO.fullmatch(properties.get("opacity", "1")))
    )


def shown(properties: dict[str, str], before: bool) -> bool:
    """Whether the text of an element is to be seen, where that of its parent is or is not."""
    visibility = properties.get("visibility")
    if visibility in ("hidden", "collapse") or _ZERO.fullmatch(properties.get("font-size", "1")):
        return False
    return True if visibility == "visible" or "font-size" in properties else before
