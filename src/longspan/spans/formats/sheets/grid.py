"""The cells of a sheet as rows of text, and which column and row each stands in."""

from __future__ import annotations

from collections.abc import Iterator

from longspan.spans.formats.whole import whole
from longspan.spans.places import Columns

_MAX_TEXT = 1 << 28  # characters of a sheet, tabs included
_MAX_CELLS = 1 << 23
_MAX_CHECKS = 1 << 24  # cells that are looked at because merged ranges cover them


def letters(column: int) -> str:
    """The name of a column that counts from 1: A, ..., Z, AA, ..."""
    said = ""
    while column > 0:
        column, last = divmod(column - 1, 26)
        said = chr(ord("A") + last) + said
    return said


class Grid:
    """Cells by row and column, both from 1. Columns that are empty everywhere take no room in the text."""

    def __init__(self) -> None:
        self.rows: dict[int, dict[int, str]] = {}
        self._length = self._count = 0

    def put(self, row: int, column: int, text: str) -> None:
        """The text of a cell, in one line; without any, nothing."""
        text = " ".join(whole(text).split())
        if text:
            self._length += len(text) + 1
            if self._length > _MAX_TEXT:
                raise ValueError(f"a sheet has more than {_MAX_TEXT:,} characters")
            self._count += 1
            if self._count > _MAX_CELLS:
                self.check_room(0)
            self.rows.setdefault(row, {})[column] = text

    def check_room(self, count: int) -> None:
        """ValueError if a sheet cannot hold so many cells more."""
        if self._count + count > _MAX_CELLS:
            raise ValueError(f"a sheet has more than {_MAX_CELLS:,} cells")

    def without(self, rows: set[int], columns: set[int]) -> tuple[list[int], list[int]]:
        """Drops rows and columns; gives those that held anything."""
        gone_rows = [row for row in sorted(rows) if self.rows.pop(row, None)]
        gone_columns = set()
        for row in list(self.rows) if columns else ():
            for column in columns & self.rows[row].keys():
                gone_columns.add(column)
                del self.rows[row][column]
            if not self.rows[row]:
                del self.rows[row]
        return gone_rows, sorted(gone_columns)

    def covered(self, ranges: list[tuple[int, int, int, int]]) -> Iterator[str]:
        """Drops what merged ranges (first row and column, last row and column) cover but for their first cell."""
        known, steps = sorted(self.rows), 0
        for top, left, bottom, right in ranges:
            if (bottom - top + 1) > len(known):
                rows = [row for row in known if top <= row <= bottom]
                steps += len(known)
            else:
                rows = [row for row in range(top, bottom + 1) if row in self.rows]
                steps += bottom - top + 1
            for row in rows:
                cells = self.rows[row]
                steps += len(cells)
                for column in [
                    each for each in cells if left <= each <= right and (row, each) != (top, left)
                ]:
                    yield f"{letters(column)}{row}: {cells.pop(column)}"
            if steps > _MAX_CHECKS:
                raise ValueError("a sheet has too many merged ranges over each other")

    def text(self) -> tuple[str, list[tuple[int, int]], Columns]:
        """The rows, the offset at which each begins with its number, and the names of the columns."""
        used = sorted({column for cells in self.rows.values() for column in cells})
        lines, starts, length = [], [], 0
        for row in sorted(self.rows):
            cells = self.rows[row]
            if not cells:
                continue
            last = max(cells)
            line = "\t".join(cells.get(column, "") for column in used if column <= last)
            starts.append((length, row))
            lines.append(line)
            length += len(line) + 1
            if length > _MAX_TEXT:
                raise ValueError("the cells of a sheet lie too far apart")
        return "\n".join(lines), starts, Columns(0, "\t", tuple(letters(column) for column in used))
