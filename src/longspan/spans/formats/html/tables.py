"""Tables as lines of cells, parted by tabs."""

from __future__ import annotations

from typing import Any

from longspan.spans.formats.html.writer import Writer

_MAX_COLUMNS = 64  # beyond it, cells stand side by side without regard to spans
_LONG_CELL = 240
_OF_PAGES = {
    "article",
    "blockquote",
    "div",
    "dl",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "ol",
    "p",
    "pre",
    "section",
}
_OF_PAGES |= {"table", "ul"}


class Table:
    """A table while it is read: what is open in the row, and which columns cells of earlier rows still fill."""

    def __init__(self) -> None:
        self._filled: dict[int, int] = {}  # column: rows that are still to come
        self._row: list[Writer | None] = []

    def begin_row(self) -> None:
        self._row = []

    def cell(self, content: Writer, attributes: dict[str, Any]) -> None:
        while self._filled.get(len(self._row)):
            self._filled[len(self._row)] -= 1
            self._row.append(None)
        width = max(1, min(_span(attributes.get("colspan"), 1), _MAX_COLUMNS - len(self._row)))
        height = _span(attributes.get("rowspan"), 1) or 65_535
        for column in range(len(self._row), len(self._row) + width):
            if height > 1 and column < _MAX_COLUMNS:
                self._filled[column] = height - 1
        self._row += [content, *[None] * (width - 1)]

    def end_row(self, writer: Writer) -> None:
        """Write the row as one line; cells that come from rows above, or that a wide cell covers, are empty."""
        for column in [column for column, rows in self._filled.items() if rows and column >= len(self._row)]:
            self._filled[column] -= 1
        row, self._row = self._row, []
        while row and (row[-1] is None or not row[-1].parts):
            row.pop()
        line = Writer(flat=True)
        for number, content in enumerate(row):
            if number and writer.flat:
                line.block(1)
            elif number:
                line.tab()
            if content is not None:
                line.add(content)
        writer.block(1)
        writer.add(line)
        writer.block(1)


def _span(said: str | None, default: int) -> int:
    try:
        return min(max(int(said or default), 0), 65_535)
    except ValueError:
        return default


def is_table(node: Any) -> bool:
    return node.css_first("tr") is not None


def is_layout(node: Any) -> bool:
    """Whether a table only places parts of the page: some cell of it holds blocks and more than a few lines."""
    for cell in node.css("td")[:400]:
        length, blocks = 0, False
        for looked, inner in enumerate(cell.traverse(include_text=True)):
            if inner.tag == "-text":
                length += len((inner.text_content or "").strip())
            blocks = blocks or inner.tag in _OF_PAGES
            if looked > 400 or (blocks and length > _LONG_CELL):
                break
        if blocks and length > _LONG_CELL:
            return True
    return False
