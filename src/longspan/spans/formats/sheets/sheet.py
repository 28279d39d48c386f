"""One sheet of a workbook: its cells, and what is said of it besides."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from longspan.spans.formats.line import Line, Look
from longspan.spans.formats.package import local, number, value
from longspan.spans.formats.sheets.grid import Grid
from longspan.spans.formats.sheets.styles import Style, Styles, rich

_REFERENCE = re.compile(r"\$?([A-Za-z]{1,3})\$?([0-9]{1,7})")
_LAST_COLUMN, _LAST_ROW = 1 << 14, 1 << 20
_CODE = re.compile(
    r'&(?P<part>[LCR])|&"[^"]*"|&\d{1,3}|&K(?:[0-9A-Fa-f]{6}|\d\d[+-]\d{3})|&(?P<kind>[A-Za-z&])', re.DOTALL
)
_FIELDS = {"P": "[page]", "N": "[pages]", "D": "[date]", "T": "[time]", "F": "[file]", "Z": "[folder]"}


def place_of(reference: str) -> tuple[int, int] | None:
    """Row and column of a reference such as B7, from 1; None if it is none."""
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        return None
    row, column = int(match[2]), _column(match[1])
    return (row, column) if 0 < row <= _LAST_ROW and column <= _LAST_COLUMN else None


@lru_cache(maxsize=1 << 14)
def _column(name: str) -> int:
    column = 0
    for letter in name.upper():
        column = column * 26 + ord(letter) - ord("A") + 1
    return column


class Sheet:
    """Takes the elements of a sheet one by one.

    hidden: called with what a cell holds that its format does not show.
    """

    def __init__(self, name: str, strings: list[str], styles: Styles, hidden: Callable[[str], None]) -> None:
        self.grid = Grid()
        self.hidden_rows: set[int] = set()
        self.hidden_columns: set[int] = set()
        self.merged: list[tuple[int, int, int, int]] = []
        self.lines: list[str] = []
        self.objects: list[str] = []
        self.pictures = 0
        self._name, self._strings, self._styles, self._hidden = name, strings, styles, hidden
        self._row = 0
        self._formulas: dict[str, tuple[str, str]] = {}

    def take(self, around: str, node: Any) -> None:
        name = local(node)
        if name == "row":
            self._take_row(node)
        elif name == "col":
            self._take_column(node)
        elif name == "mergeCell":
            ends = [place_of(each) for each in (value(node, "ref") or "").split(":")]
            if len(ends) == 2 and ends[0] and ends[1]:
                self.merged.append((*ends[0], *ends[1]))
        elif name == "dataValidation":
            said = [value(node, each) or "" for each in ("promptTitle", "prompt")]
            if text := " ".join(" ".join(said).split()):
                self.lines.append(f"[prompt {value(node, 'sqref') or ''}] {text}")
        elif around == "headerFooter":
            kind = "Header" if name.endswith("Header") else "Footer"
            if (text := _header(node.text or "", self._name)) and (
                line := f"{kind}: {text}"
            ) not in self.lines:
                self.lines.append(line)
        elif name in ("oleObject", "control") or around in ("oleObjects", "controls"):
            inner = next(node.iter("{*}oleObject", "{*}control"), node)
            self.objects.append(value(inner, "progId") or value(inner, "name") or "")
        elif name == "picture":
            self.pictures += 1

    def _take_column(self, node: Any) -> None:
        first, last = number(node, "min") or 0, min(number(node, "max") or 0, _LAST_COLUMN)
        if (value(node, "hidden") or "0") in ("1", "true") or value(node, "width") == "0":
            self.hidden_columns.update(range(max(1, first), last + 1))

    def _take_row(self, node: Any) -> None:
        said = number(node, "r")
        row = self._row = said if said is not None and 0 < said <= _LAST_ROW else self._row + 1
        if (value(node, "hidden") or "0") in ("1", "true") or value(node, "ht") == "0":
            self.hidden_rows.add(row)
        column = 0
        for cell in node:
            if local(cell) != "c":
                continue
            place = place_of(cell.get("r") or "")
            row, column = place or (row, column + 1)
            if column > _LAST_COLUMN or row > _LAST_ROW:
                raise ValueError(f"the sheet {self._name} has a cell beyond the last column or row")
            style = self._styles.of(int(index) if (index := cell.get("s") or "0").isdecimal() else 0)
            text = self._cell(cell, style, f"{cell.get('r') or ''}")
            if text:
                self.grid.put(row, column, text)

    def _cell(self, cell: Any, style: Style, reference: str) -> str:
        kind = cell.get("t") or "n"
        stored = formula = inline = None
        for each in cell:
            name = local(each)
            if name == "v":
                stored = each
            elif name == "f":
                formula = each
            elif name == "is":
                inline = each
        raw = "" if stored is None else stored.text or ""
        asked = "" if formula is None else self._formula(formula, reference)
        if inline is not None:
            raw, kind = rich(inline, style.look), "rich"
        if not raw.strip() and kind != "rich":
            return f"={asked}" if asked and kind != "str" else raw
        if kind == "s":
            index = int(raw) if raw.strip().isdecimal() and len(raw) < 12 else -1
            if not 0 <= index < len(self._strings):
                raise ValueError(f"the sheet {self._name} refers to a text that is not there")
            text = self._styles.text(self._strings[index], style)
            raw = self._strings[index]
        elif kind == "b":
            text = "TRUE" if raw.strip() in ("1", "true") else "FALSE"
        elif kind in ("str", "rich"):
            text = self._styles.text(raw, style)
        elif kind == "n":
            text = self._number(raw, style)
        else:  # errors, and dates that are written as such
            text = raw
        if raw.strip() and not text.strip():
            self._hidden(raw)
        return _look(text, style.look) if kind != "rich" else text

    def _number(self, raw: str, style: Style) -> str:
        try:
            return self._styles.number(float(raw), style)
        except ValueError:
            return raw

    def _formula(self, node: Any, reference: str) -> str:
        """What a formula says; one that is shared stands in the first of its cells."""
        text, shared = (node.text or "").strip(), value(node, "si") if value(node, "t") == "shared" else None
        if shared is not None and text:
            self._formulas[shared] = (text, reference)
        elif shared in self._formulas and shared is not None:
            from openpyxl.formula.translate import Translator

            master, origin = self._formulas[shared]
            try:
                return str(Translator(f"={master}", origin=origin).translate_formula(reference)).lstrip("=")
            except Exception:  # any text may stand in the place of a formula
                return master
        return text


def _look(text: str, look: Look) -> str:
    if not look.struck:
        return text
    line = Line()
    line.add(text, Look(struck=True))
    return line.take()


def _header(said: str, sheet: str) -> str:
    """A header or footer as it is printed; what each page counts by itself stands in brackets."""

    def replaced(match: re.Match[str]) -> str:
        if match["part"]:
            return "\t"
        kind = match["kind"] or ""
        return "&" if kind == "&" else sheet if kind == "A" else _FIELDS.get(kind.upper(), "")

    parts = [" ".join(part.split()) for part in _CODE.sub(replaced, said).split("\t")]
    return "\t".join(filter(None, parts))
