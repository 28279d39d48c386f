"""How cells look, as far as what they show depends on it: formats of numbers, struck and raised text."""

from __future__ import annotations

from typing import Any, NamedTuple

from longspan.spans.formats.line import Line, Look
from longspan.spans.formats.package import Package, child, local, number, switched_on, value
from longspan.spans.formats.sheets.dates import iso
from longspan.spans.formats.sheets.numbers import general, shown, shown_text

_READERS_OWN = {14: False, 22: True} | dict.fromkeys(
    (27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58), False
)
"""Formats of dates whose order the reader's computer decides, and whether the time belongs to them."""
_PLAIN = Look()
_SCRIPTS = {"superscript": "^", "subscript": "_"}


class Style(NamedTuple):
    """The number and code of a cell's format, and its look."""

    format: int = 0
    code: str = "General"
    look: Look = _PLAIN


class Styles:
    """The styles of a workbook; without the part, every cell is plain."""

    def __init__(self, package: Package, main: str, *, since_1904: bool) -> None:
        from openpyxl.styles.numbers import BUILTIN_FORMATS

        self._since_1904 = since_1904
        self._styles: list[Style] = []
        codes: dict[int, str] = dict(BUILTIN_FORMATS)
        fonts: list[Look] = []
        for part in package.related(main, "styles")[:1]:
            for node in package.tree(part):
                if local(node) == "numFmts":
                    codes |= {number(each, "numFmtId") or 0: value(each, "formatCode") or "" for each in node}
                elif local(node) == "fonts":
                    fonts = [look_of(each) for each in node if local(each) == "font"]
                elif local(node) == "cellXfs":
                    self._styles = [_style(each, codes, fonts) for each in node if local(each) == "xf"]

    def of(self, index: int) -> Style:
        return self._styles[index] if 0 <= index < len(self._styles) else Style()

    def number(self, said: float, style: Style) -> str:
        """A number as its cell shows it; dates whose order is the reader's own as 2024-12-31."""
        if style.format in _READERS_OWN or style.code.startswith(("[$-F800]", "[$-x-sysdate]")):
            try:
                return iso(said, since_1904=self._since_1904, time=_READERS_OWN.get(style.format, False))
            except (ValueError, OverflowError):
                return general(said)
        if style.code in ("General", ""):
            return general(said)
        return shown(said, style.code, since_1904=self._since_1904)

    def text(self, said: str, style: Style) -> str:
        return said if style.code in ("General", "@") else shown_text(said, style.code)


def _style(node: Any, codes: dict[int, str], fonts: list[Look]) -> Style:
    form, font = number(node, "numFmtId") or 0, number(node, "fontId") or 0
    return Style(form, codes.get(form, "General"), fonts[font] if 0 <= font < len(fonts) else _PLAIN)


def look_of(node: Any) -> Look:
    """The look that a font or a run of text has."""
    if node is None:
        return _PLAIN
    return Look(
        struck=switched_on(child(node, "strike")),
        script=_SCRIPTS.get(value(child(node, "vertAlign")) or "", ""),
    )


def rich(node: Any, look: Look = _PLAIN) -> str:
    """The text of a string, whose runs may look different; readings of its characters (phonetic) are no part of it."""
    if len(node) == 1 and look == _PLAIN and local(node[0]) == "t":
        return _unescaped(node[0].text or "")
    line = Line()
    for each in node:
        if local(each) == "t":
            line.add(_unescaped(each.text or ""), look)
        elif local(each) == "r":
            said = child(each, "rPr")
            text = child(each, "t")
            line.add(
                _unescaped("" if text is None else text.text or ""), look if said is None else look_of(said)
            )
    return line.take()


def _unescaped(text: str) -> str:
    """With the characters that XML cannot have, which stand as _x000D_."""
    if "_x" not in text:
        return text
    from openpyxl.utils.escape import unescape

    return str(unescape(text))
