"""A workbook: its sheets in order, and what hangs on each."""

from __future__ import annotations

from collections.abc import Iterator

from longspan.spans.formats.blocks import Blocks
from longspan.spans.formats.extract import Extract
from longspan.spans.formats.left_out import MACROS, OBJECT, PICTURE, Kind, LeftOut
from longspan.spans.formats.package import Package, child, inside, value
from longspan.spans.formats.paged import Paged
from longspan.spans.formats.sheets.grid import letters
from longspan.spans.formats.sheets.laid_out import laid_out
from longspan.spans.formats.sheets.sheet import Sheet
from longspan.spans.formats.sheets.styles import Styles, rich
from longspan.spans.formats.slides.shapes import Shapes

HIDDEN_SHEET = Kind("hidden sheet", "hidden sheets", "unhide it to have it read")
HIDDEN_ROW = Kind("hidden row", "hidden rows", "unhide it, or clear the filter, to have it read")
HIDDEN_COLUMN = Kind("hidden column", "hidden columns", "unhide it to have it read")
COVERED = Kind("cell under a merged one", "cells under merged ones", "unmerge the cells to have it read")
_UNSHOWN = Kind(
    "value that its format hides", "values that their formats hide", "change the format to have it read"
)
_OTHER = Kind("sheet of another kind", "sheets of another kind", "copy what it says to a worksheet")
_CONTROLS = Kind("control on a sheet", "controls on sheets", "copy its words into a cell")
_MISSING = Kind("sheet that is missing", "sheets that are missing", "get a whole copy of the file")


class Book:
    """A file while its sheets are read."""

    def __init__(self, data: bytes) -> None:
        self._package, self.left_out = Package(data), LeftOut()
        self._main = self._package.main()
        self._root = self._package.tree(self._main)
        dates = (value(child(self._root, "workbookPr"), "date1904") or "0") in ("1", "true")
        self._styles = Styles(self._package, self._main, since_1904=dates)
        self._strings = [
            rich(node)
            for part in self._package.related(self._main, "sharedStrings")[:1]
            for node in self._package.children(part, "sst")
        ]
        self._people = {
            value(node, "id") or "": value(node, "displayName") or ""
            for part in self._package.related(self._main, "person")
            for node in self._package.tree(part)
        }

    def extract(self) -> Extract:
        pages = Paged("sheet")
        relations, seen = self._package.relations(self._main), set()
        for node in inside(self._root, "sheets"):
            name = value(node, "name") or ""
            relation = relations.get(next((said for key, said in node.items() if key.endswith("}id")), ""))
            if relation is None or relation.outside or not self._package.has(relation.target):
                self.left_out.add(_MISSING, name)
            elif (value(node, "state") or "visible") != "visible":
                self.left_out.add(HIDDEN_SHEET, name)
            elif relation.target not in seen:
                seen.add(relation.target)
                self._sheet(relation.target, relation.kind, name, pages)
        if self._package.related(self._main, "vbaProject"):
            self.left_out.add(MACROS)
        return Extract(text=pages.text, places=pages.places, notes=self.left_out.notes())

    def _sheet(self, part: str, kind: str, name: str, pages: Paged) -> None:
        if kind not in ("worksheet", "chartsheet"):
            self.left_out.add(_OTHER, name)
            return
        sheet = Sheet(name, self._strings, self._styles, lambda said: self.left_out.add(_UNSHOWN, said))
        if kind == "worksheet":
            for around, node in self._package.stream(part):
                sheet.take(around, node)
        gone_rows, gone_columns = sheet.grid.without(sheet.hidden_rows, sheet.hidden_columns)
        for row in gone_rows:
            self.left_out.add(HIDDEN_ROW, f"{name}, row {row}")
        for column in gone_columns:
            self.left_out.add(HIDDEN_COLUMN, f"{name}, column {letters(column)}")
        for said in sheet.grid.covered(sheet.merged):
            self.left_out.add(COVERED, f"{name}, {said}")
        for each in sheet.objects:
            self.left_out.add(OBJECT, each)
        for _ in range(sheet.pictures):
            self.left_out.add(PICTURE)
        after = Blocks()
        for line in (*self._comments(part), *sheet.lines):
            after.add(line, line_ends=1)
        for text in self._drawn(part):
            after.add(text)
        laid_out(pages, name, sheet.grid, after.text)

    def _comments(self, part: str) -> Iterator[str]:
        """Comments by the cell that they hang on, with their authors; those of a conversation with their dates."""
        threads: list[tuple[str, str]] = []
        for listing in self._package.related(part, "threadedComment"):
            for node in self._package.tree(listing):
                place, said = value(node, "ref") or "", child(node, "text")
                author = self._people.get(value(node, "personId") or "", "")
                date = (value(node, "dT") or "")[:10]
                who = " ".join(filter(None, (author, f"({date})" if date else "")))
                reply = ", a reply" if value(node, "parentId") else ""
                text = "" if said is None else said.text or ""
                threads.append((place, f"[comment {place}{reply}] {who + ': ' if who else ''}{text}"))
        yield from (line for _, line in threads)
        answered = {place for place, _ in threads}
        for listing in self._package.related(part, "comments"):
            root = self._package.tree(listing)
            authors = [each.text or "" for each in inside(root, "authors")]
            for node in inside(root, "commentList"):
                place, body = value(node, "ref") or "", child(node, "text")
                if place in answered or body is None:
                    continue
                index = value(node, "authorId") or ""
                who = authors[int(index)] if index.isdecimal() and int(index) < len(authors) else ""
                text = rich(body).strip()
                said = f"{who}: " if who and not text.startswith(who) else ""
                yield f"[comment {place}] {said}{text}"

    def _drawn(self, part: str) -> Iterator[str]:
        """Text boxes, charts and pictures over the cells."""
        for drawing in self._package.related(part, "drawing"):
            shapes = Shapes(self._package, drawing, self.left_out)
            shapes.read(self._package.tree(drawing))
            yield shapes.blocks.text
        for drawing in self._package.related(part, "vmlDrawing"):
            yield from self._controls(drawing)

    def _controls(self, drawing: str) -> Iterator[str]:
        """The labels of controls; the shapes of comments are empty."""
        try:
            root = self._package.tree(drawing)
        except Exception:  # the older form of drawings is HTML in parts
            self.left_out.add(_CONTROLS)
            return
        for shape in root.iter("{*}shape"):
            kind = value(next(shape.iter("{*}ClientData"), None), "ObjectType") or ""
            for box in shape.iter("{*}textbox"):
                if kind != "Note" and (text := " ".join("".join(box.itertext()).split())):
                    yield text
