"""A story of an RTF file: its body, a note, a header or a text box, from lines and cells to blocks."""

from __future__ import annotations

from longspan.spans.formats.blocks import Blocks
from longspan.spans.formats.line import Line


class Story:
    """Lines become blocks; the cells of a row become one line, parted by tabs. mark stands before the whole."""

    def __init__(self, mark: str = "") -> None:
        self.mark = mark
        self.line = Line()
        self.boxes: list[str] = []
        self.blocks = Blocks()
        self._cell: list[str] = []
        self._cells: list[str] = []

    def end_line(self, *, in_table: bool = False, heading: bool = False) -> None:
        """The end of a paragraph."""
        text = self.line.take()
        if in_table:
            self._cell.append(text)
            return
        if self._cells or self._cell:
            self._cell.append(text)
            text = ""
            self.end_row()
        self.blocks.add(text, headings=[text] if heading and text.strip() else ())
        self._add_boxes()

    def end_cell(self, *, nested: bool = False) -> None:
        self._cell.append(self.line.take())
        if not nested:
            self._cells.append(" ".join(" ".join(self._cell).split()))
            self._cell = []

    def end_row(self) -> None:
        if self._cell:
            self.end_cell()
        self.blocks.add("\t".join(self._cells), line_ends=1)
        self._cells = []
        self._add_boxes()

    def finish(self) -> str:
        """The whole text, after its mark."""
        self.end_line()
        text = self.blocks.text.strip()
        return f"{self.mark} {text}" if self.mark and text else text

    def _add_boxes(self) -> None:
        boxes, self.boxes = self.boxes, []
        for box in boxes:
            self.blocks.add(box)
