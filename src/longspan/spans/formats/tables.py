"""Tables as text, with cells parted by commas, semicolons or tabs: the text as it is, and its rows and columns."""

from __future__ import annotations

import csv
import re
from collections import Counter
from itertools import islice

from longspan.spans.formats.encodings import plain
from longspan.spans.formats.extract import Extract
from longspan.spans.places import Columns, Places

SUFFIXES = (".csv", ".tsv", ".tab")
_SEPARATORS = ",;\t|"
_LOOKED_AT = 50  # records by which the separator is found
_HINT = re.compile(r'"?sep=(.)"?\n')
_LONGEST_NAME = 60


def table(data: bytes, name: str) -> Extract:
    """The text of the file; its places give the line at which a record begins, and the column by number and head."""
    text = plain(data, name).text
    hint = _HINT.match(text)
    start = hint.end() if hint else 0
    separator = hint[1] if hint else _separator(text[start:], name)
    if not separator:
        return Extract(text=text)
    try:
        records, lines = _records(text[start:], separator, start, bool(hint))
    except csv.Error:  # a cell that is longer than tables have
        return Extract(text=text)
    names = tuple(_named(number, cell) for number, cell in enumerate(records, start=1))
    columns = (Columns(0, separator), Columns(start, separator, names, True))
    return Extract(text=text, places=Places(lines=lines, columns=columns[0 if start else 1 :]))


def _separator(text: str, name: str) -> str:
    """The sign that parts most records into as many cells as the first, or else as one another; none without such."""
    best, score = "", (False, 0)
    order = "\t,;|" if name.lower().endswith((".tsv", ".tab")) else _SEPARATORS
    head = text[: 1 << 18].splitlines(keepends=True)
    for separator in order:
        try:
            records = islice(csv.reader(head, delimiter=separator), _LOOKED_AT)
            widths = [len(record) for record in records if record]
        except csv.Error:
            continue
        heads = bool(widths) and widths[0] > 1
        width = widths[0] if heads else Counter(widths).most_common(1)[0][0] if widths else 1
        if width > 1 and (heads, widths.count(width)) > score:
            best, score = separator, (heads, widths.count(width))
    return best


def _records(
    text: str, separator: str, start: int, hinted: bool
) -> tuple[list[str], tuple[tuple[int, int], ...] | None]:
    """The cells of the first record; and where each begins, if one of them goes over several lines."""
    lines = text.split("\n")
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=separator)
    first = next(reader, [])
    if '"' not in text:
        return first, None
    starts, offset = [], start
    for line in lines:
        starts.append(offset)
        offset += len(line) + 1
    begins = [0, reader.line_num]
    for _ in reader:
        begins.append(reader.line_num)
    if len(begins) > len(lines):
        return first, None
    pairs = [(starts[line], line + 1 + hinted) for line in begins if line < len(lines)]
    return first, tuple(([(0, 1)] if hinted else []) + pairs)


def _named(number: int, head: str) -> str:
    """A column by its number, and by what stands at its head unless that is a number itself."""
    said = " ".join(head.split())[:_LONGEST_NAME]
    return f"{number} ({said})" if any(map(str.isalpha, said)) else str(number)
