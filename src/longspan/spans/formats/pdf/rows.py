"""Lines that stand beside each other on a page and belong together: labels and values, cells of a table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from longspan.spans.formats.pdf.lines import Line

_SHORT = 40  # characters; a line of prose in a column is longer


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What a field of a form holds, and where it stands. ``name`` is said if no words stand beside it."""

    name: str
    value: str
    left: float
    right: float
    bottom: float
    top: float


def in_rows(lines: list[Line], entries: Iterable[Entry]) -> list[str]:
    """The lines as text, in their order, where short neighbours at one height are one line, parted by tabs."""
    rows = _paired(lines)
    loose: list[str] = []
    for entry in entries:
        row = _beside(rows, entry)
        if row is None:
            loose.append(f"{entry.name}: {entry.value}" if entry.name else entry.value)
        else:
            line = Line(entry.value, entry.left, entry.right, row[0].base, row[0].size, 0)
            row.insert(sum(each.left <= entry.left for each in row), line)
    return ["\t".join(each.text for each in row if each.text) for row in rows] + loose


def _beside(rows: list[list[Line]], entry: Entry) -> list[Line] | None:
    """The row whose words stand at the height of a field: the one whose line is nearest to its foot or its top."""
    found = [
        row
        for row in rows
        if row[0].angle == 0 and entry.bottom - 0.5 * row[0].size <= row[0].base <= entry.top
    ]
    high = entry.top - entry.bottom
    return min(found, key=lambda row: abs(row[0].base - (entry.bottom + 0.3 * high)), default=None)


def _paired(lines: list[Line]) -> list[list[Line]]:
    """Rows of lines. Columns drawn one after the other become rows if all their lines are short and their heights
    agree line by line; columns of prose are left as they are."""
    columns: list[list[Line]] = []
    for line in lines:
        if columns and _below(columns[-1][-1], line):
            columns[-1].append(line)
        else:
            columns.append([line])
    rows: list[list[Line]] = []
    first = 0
    while first < len(columns):
        last = first + 1
        while last < len(columns) and _beside_each_other(columns[first], columns[last], columns[last - 1]):
            last += 1
        group = columns[first:last]
        for line in group[0]:
            row = [line]
            for column in group[1:]:
                row += [each for each in column if _level_with(line, each)]
            rows.append(row)
        first = last
    return rows


def _below(one: Line, two: Line) -> bool:
    return two.base < one.base - 0.3 * one.size and one.angle == two.angle


def _level_with(one: Line, two: Line) -> bool:
    return one.angle == two.angle == 0 and abs(one.base - two.base) <= 0.3 * max(one.size, two.size)


def _beside_each_other(first: list[Line], column: list[Line], before: list[Line]) -> bool:
    """Whether each line of a column has one of the first column to its left, and all of both are short."""
    if not all(len(line.text) <= _SHORT for line in [*first, *column]):
        return False
    if min(line.left for line in column) < max(line.right for line in before):
        return False
    taken: set[int] = set()
    for line in column:
        level = [index for index, each in enumerate(first) if _level_with(each, line)]
        if len(level) != 1 or level[0] in taken:
            return False
        taken.add(level[0])
    return True
