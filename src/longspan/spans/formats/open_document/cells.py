"""A spreadsheet of OpenDocument as a grid of what its cells show."""

from __future__ import annotations

from typing import Any

from longspan.spans.formats.blocks import Blocks
from longspan.spans.formats.open_document.drawn import SHAPES
from longspan.spans.formats.open_document.story import Story, rows_of
from longspan.spans.formats.package import local, number, value
from longspan.spans.formats.sheets.grid import Grid, letters

LAST_COLUMN, LAST_ROW = 1 << 14, 1 << 20
_VALUES = ("string-value", "date-value", "time-value", "boolean-value", "value")


class Cells:
    """One sheet. after: the comments on its cells, and what is drawn over them."""

    def __init__(self, story: Story, table: Any) -> None:
        self._story = story
        self.grid = Grid()
        self.hidden_rows: set[int] = set()
        self.hidden_columns: set[int] = set()
        self.covered: list[str] = []
        self._comments: list[str] = []
        self._shapes: list[Any] = []
        self._columns(table, 1)
        row = 1
        for node in rows_of(table):
            repeated = max(1, number(node, "number-rows-repeated") or 1)
            self._row(node, row, min(repeated, LAST_ROW - row + 1))
            row += repeated
            if row > LAST_ROW:
                break
        self._shapes += [each for part in table if local(part) == "shapes" for each in part]

    @property
    def after(self) -> str:
        blocks = Blocks()
        for line in self._comments:
            blocks.add(line, line_ends=1)
        drawn = self._story.apart().read(self._shapes)
        blocks.add(drawn.text)
        return blocks.text

    def _columns(self, node: Any, column: int) -> int:
        for each in node:
            if local(each) in ("table-columns", "table-header-columns", "table-column-group"):
                column = self._columns(each, column)
            elif local(each) == "table-column":
                repeated = max(1, number(each, "number-columns-repeated") or 1)
                if (value(each, "visibility") or "visible") != "visible":
                    self.hidden_columns.update(range(column, min(column + repeated, LAST_COLUMN + 1)))
                column += repeated
        return column

    def _row(self, node: Any, row: int, repeated: int) -> None:
        column = 1
        found: dict[int, str] = {}
        for cell in node:
            if local(cell) not in ("table-cell", "covered-table-cell"):
                continue
            times = max(1, number(cell, "number-columns-repeated") or 1)
            text = self._text(cell, f"{letters(column)}{row}")
            if text and local(cell) == "covered-table-cell":
                self.covered.append(f"{letters(column)}{row}: {text}")
            elif text:
                found |= dict.fromkeys(range(column, min(column + times, LAST_COLUMN + 1)), text)
            column += times
            if column > LAST_COLUMN:
                break
        self.grid.check_room(len(found) * repeated)
        for each in range(row, row + repeated) if found else ():
            for place, text in found.items():
                self.grid.put(each, place, text)
        if found and (value(node, "visibility") or "visible") != "visible":
            self.hidden_rows.update(range(row, row + repeated))

    def _text(self, cell: Any, place: str) -> str:
        shown = []
        for each in cell:
            if local(each) == "annotation":
                self._comments.append(f"[comment {place}] {self._story.remark(each)}")
            elif local(each) in SHAPES:
                self._shapes.append(each)
            elif local(each) not in ("cell-range-source", "detective"):
                shown.append(each)
        text = " ".join(self._story.apart().read(shown).text.split())
        if text or shown:
            return text
        stored = next((said for name in _VALUES if (said := value(cell, name))), "")
        formula = value(cell, "formula") or ""
        return stored or (f"={formula.partition('=')[2]}" if formula else "")
