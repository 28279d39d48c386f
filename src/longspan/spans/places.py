"""Where the characters of an extracted text stand in the file that it was taken from."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, Self


@lru_cache(maxsize=4)
def _line_starts(text: str) -> list[int]:
    """Where the lines of a text begin, kept because the places of many offsets are asked for."""
    return [0, *(match.end() for match in re.finditer("\n", text))]


class Place(NamedTuple):
    """Where a character stands, as far as a person can find it in the file.

    page counts from 1, and label is what the file itself calls that page where that is something else. line counts
    from 1, within the page if there are pages; None where the file has no lines that a person sees. heading is the
    last one before the character, where the file has headings. column is that of a table, and spot what else people
    call the place, such as the path ``users[3].name`` in JSON.
    """

    line: int | None
    page: int | None = None
    label: str | None = None
    heading: str | None = None
    column: str | None = None
    spot: str | None = None


class Columns(NamedTuple):
    """A table whose cells are parted by a sign.

    start: the offset at which it begins. names: of its columns, from the left; without any, no table is there.
    quoted: whether signs between quotation marks part nothing, as in CSV.
    """

    start: int
    separator: str
    names: tuple[str, ...] = ()
    quoted: bool = False

    def at(self, text: str, row: int, offset: int) -> str | None:
        """The name of the column of an offset, in the row that begins at another."""
        if not self.names:
            return None
        before = text[max(row, self.start) : offset]
        if self.quoted:
            before = re.sub(r'"[^"]*(?:"|$)', "", before)
        column = before.count(self.separator)
        return self.names[column] if column < len(self.names) else str(column + 1)


@dataclass(frozen=True, kw_only=True)
class Places:
    """What is known of the places in a file. All offsets count characters of the extracted text.

    page_starts: the offset at which each page begins; empty for a file without pages.
    page_labels: what the file calls its pages, one a page, where they are not 1, 2, 3, ...; else empty.
    lines: pairs of an offset and a line of the file, both ascending: from the offset on, text stands on that line.
        None where the lines of the text are those of the file, as in plain text, or of the page, as in PDF.
        Empty where the file has no lines, as in Word.
    headings: pairs of an offset and the heading that begins there.
    pictures: the numbers of the pages that are a picture with a few words on it, such as a scan with a stamp.
    unit: what the file's pages are: page, slide or sheet.
    columns: its tables, ascending; each goes on to the next one.
    spots: pairs of an offset and what people call the place from there on, such as a path in JSON.
    """

    page_starts: tuple[int, ...] = ()
    page_labels: tuple[str, ...] = ()
    lines: tuple[tuple[int, int], ...] | None = None
    headings: tuple[tuple[int, str], ...] = ()
    pictures: tuple[int, ...] = ()
    unit: str = "page"
    columns: tuple[Columns, ...] = ()
    spots: tuple[tuple[int, str], ...] = ()

    def check(self, name: str, length: int) -> None:
        """ValueError unless everything here lies in a text of so many characters."""
        starts = self.page_starts
        if starts and starts[0] != 0:
            raise ValueError(f"page_starts of {name} begins at {starts[0]}, and must begin at 0")
        for what, offsets in (
            ("page_starts", starts),
            ("lines", [offset for offset, _ in self.lines or ()]),
            ("headings", [offset for offset, _ in self.headings]),
            ("columns", [each.start for each in self.columns]),
            ("spots", [offset for offset, _ in self.spots]),
        ):
            if list(offsets) != sorted(offsets) or any(not 0 <= each <= length for each in offsets):
                raise ValueError(
                    f"{what} of {name} must ascend from 0 to at most {length}; give offsets into its text"
                )
        if self.page_labels and len(self.page_labels) != len(starts):
            raise ValueError(
                f"page_labels of {name} has {len(self.page_labels)} entries for {len(starts)} pages; give one a page"
            )

    def of(self, text: str, offset: int) -> Place:
        """The place of the character at ``offset`` of the text."""
        page = bisect_right(self.page_starts, offset)
        if self.lines is None:
            starts = _line_starts(text)
            first = bisect_right(starts, self.page_starts[page - 1]) if page else 1
            line = bisect_right(starts, offset) - first + 1
        else:
            before = bisect_right(self.lines, offset, key=lambda pair: pair[0])
            line = self.lines[before - 1][1] if before else 0
        under = bisect_right(self.headings, offset, key=lambda pair: pair[0])
        at = bisect_right(self.spots, offset, key=lambda pair: pair[0])
        return Place(
            line=line or None,
            page=page or None,
            label=self.page_labels[page - 1] if page and self.page_labels else None,
            heading=self.headings[under - 1][1] if under else None,
            column=self._column(text, offset) if line else None,
            spot=self.spots[at - 1][1] or None if at else None,
        )

    def _column(self, text: str, offset: int) -> str | None:
        number = bisect_right(self.columns, offset, key=lambda each: each.start)
        if not number:
            return None
        if self.lines:
            row = self.lines[bisect_right(self.lines, offset, key=lambda pair: pair[0]) - 1][0]
        else:
            row = text.rfind("\n", 0, offset) + 1
        return self.columns[number - 1].at(text, row, offset)

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "page_starts": list(self.page_starts),
            "page_labels": list(self.page_labels),
            "lines": None if self.lines is None else [list(pair) for pair in self.lines],
            "headings": [list(pair) for pair in self.headings],
            "pictures": list(self.pictures),
            "unit": self.unit,
            "columns": [[*each[:2], list(each.names), each.quoted] for each in self.columns],
            "spots": [list(pair) for pair in self.spots],
        }

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> Self:
        """What `to_dict` gave."""
        lines = said["lines"]
        return cls(
            page_starts=tuple(said["page_starts"]),
            page_labels=tuple(said["page_labels"]),
            lines=None if lines is None else tuple((offset, line) for offset, line in lines),
            headings=tuple((offset, words) for offset, words in said["headings"]),
            pictures=tuple(said.get("pictures", ())),
            unit=said.get("unit", "page"),
            columns=tuple(
                Columns(start, separator, tuple(names), quoted)
                for start, separator, names, quoted in said.get("columns", ())
            ),
            spots=tuple((offset, spot) for offset, spot in said.get("spots", ())),
        )
