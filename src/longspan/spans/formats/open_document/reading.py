"""A text, a workbook or slides of OpenDocument, as pages or as one story."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from longspan.spans.formats.blocks import Blocks
from longspan.spans.formats.extract import Extract
from longspan.spans.formats.left_out import MACROS, Kind, LeftOut
from longspan.spans.formats.open_document.cells import Cells
from longspan.spans.formats.open_document.drawn import SHAPES, drawing
from longspan.spans.formats.open_document.source import Source
from longspan.spans.formats.open_document.story import Story
from longspan.spans.formats.package import child, local, value
from longspan.spans.formats.paged import Paged
from longspan.spans.formats.sheets.book import COVERED, HIDDEN_COLUMN, HIDDEN_ROW, HIDDEN_SHEET
from longspan.spans.formats.sheets.grid import letters
from longspan.spans.formats.sheets.laid_out import laid_out
from longspan.spans.places import Places

_HIDDEN_SLIDE = Kind("hidden slide", "hidden slides", "show it again to have it read")
_PAGE_FIELDS = {
    "page-number": "[page]",
    "page-count": "[pages]",
    "sheet-name": "[sheet]",
    "date": "[date]",
} | {
    "time": "[time]",
    "file-name": "[file]",
}
_HEADERS = ("header", "header-left", "header-first", "footer", "footer-left", "footer-first")


def extract(data: bytes, name: str) -> Extract:
    source, left_out = Source(data, name), LeftOut()
    kind = local(source.body)
    if kind == "spreadsheet":
        pages = _sheets(source, left_out)
        found = Extract(text=pages.text, places=pages.places)
    elif kind in ("presentation", "drawing"):
        pages = _slides(source, left_out, unit="slide" if kind == "presentation" else "page")
        found = Extract(text=pages.text, places=pages.places)
    else:
        blocks = _text(source, left_out)
        found = Extract(text=blocks.text, places=Places(lines=(), headings=tuple(blocks.headings)))
    if source.package is not None and (
        source.package.has("Basic/script-lc.xml") or source.package.has("Scripts")
    ):
        left_out.add(MACROS)
    return Extract(text=found.text, places=found.places, notes=left_out.notes())


def _text(source: Source, left_out: LeftOut) -> Blocks:
    story = Story(source, left_out)
    blocks = story.read(source.body)
    for line in (*story.closing(), *_headers(source, left_out)):
        blocks.add(line)
    return blocks


def _headers(source: Source, left_out: LeftOut) -> Iterator[str]:
    """Each header and footer once; what a page counts by itself stands in brackets."""
    said: set[str] = set()
    for kind in ("header", "footer"):
        for master in source.masters:
            for node in master:
                if local(node) not in _HEADERS or not local(node).startswith(kind):
                    continue
                if (value(node, "display") or "true") == "false":
                    continue
                story = Story(source, left_out)
                story.fields = _PAGE_FIELDS
                text = "\n".join([story.read(node).text, *story.closing()]).strip()
                if text.strip() and (line := f"{kind.capitalize()}: {text}") not in said:
                    said.add(line)
                    yield line


def _sheets(source: Source, left_out: LeftOut) -> Paged:
    pages, story = Paged("sheet"), Story(source, left_out)
    for node in source.body:
        if local(node) in ("tracked-changes",):
            story.block(node)
        if local(node) != "table":
            continue
        name = value(node, "name") or ""
        style = value(node, "style-name") or ""
        if source.styles.says("table", style, "table-properties", "display") == "false":
            left_out.add(HIDDEN_SHEET, name)
            continue
        cells = Cells(story, node)
        gone_rows, gone_columns = cells.grid.without(cells.hidden_rows, cells.hidden_columns)
        for row in gone_rows:
            left_out.add(HIDDEN_ROW, f"{name}, row {row}")
        for column in gone_columns:
            left_out.add(HIDDEN_COLUMN, f"{name}, column {letters(column)}")
        for said in cells.covered:
            left_out.add(COVERED, f"{name}, {said}")
        laid_out(
            pages, name, cells.grid, "\n".join(filter(None, [cells.after, *_prompts(source, story, node)]))
        )
    headers = [line for line in _headers(source, left_out) if any(map(str.isalnum, _without_fields(line)))]
    if headers:
        pages.add("\n".join(headers), "headers and footers", lines=[(0, 0)])
    return pages


def _without_fields(line: str) -> str:
    said = line.partition(": ")[2].replace("???", "").replace("Page", "")
    for field in _PAGE_FIELDS.values():
        said = said.replace(field, "")
    return said


def _prompts(source: Source, story: Story, table: Any) -> Iterator[str]:
    """What cells of the sheet ask for when they are chosen."""
    used = {value(cell, "content-validation-name") for cell in table.iter("{*}table-cell")} - {None}
    for listing in source.body:
        if local(listing) == "content-validations":
            for node in listing:
                help_text = child(node, "help-message")
                if value(node, "name") in used and help_text is not None:
                    text = " ".join(story.apart().read(help_text).text.split())
                    title = value(help_text, "title") or ""
                    if said := " ".join(filter(None, (title, text))):
                        used.discard(value(node, "name"))
                        yield f"[prompt] {said}"


def _slides(source: Source, left_out: LeftOut, *, unit: str) -> Paged:
    pages, shown = Paged(unit), set()
    masters = {value(node, "name") or "": node for node in source.masters}
    declared = {
        (local(node), value(node, "name") or ""): " ".join("".join(node.itertext()).split())
        for node in source.body
        if local(node) in ("header-decl", "footer-decl", "date-time-decl")
    }
    said: set[str] = set()
    for number, page in enumerate((each for each in source.body if local(each) == "page"), start=1):
        title = _title(source, page)
        style = value(page, "style-name") or ""
        if source.styles.says("drawing-page", style, "drawing-page-properties", "visibility") == "hidden":
            left_out.add(_HIDDEN_SLIDE, f"{unit} {number}" + (f": {title}" if title else ""))
            pages.add("", title)
            continue
        story = Story(source, left_out)
        for node in page:
            if local(node) not in ("notes", "forms", "animations", "par") and not _is_empty(node):
                _shape(story, node)
        blocks = story.blocks
        master = value(page, "master-page-name") or ""
        if master in masters and master not in shown:
            shown.add(master)
            behind = Story(source, left_out)
            for node in masters[master]:
                if local(node) in SHAPES and value(node, "class") is None and not _is_empty(node):
                    behind.block(node)
            blocks.add(behind.blocks.text)
        for use, kind in (("use-header-name", "header-decl"), ("use-footer-name", "footer-decl")):
            text = declared.get((kind, value(page, use) or ""), "")
            if text and (line := f"{kind[:6].capitalize()}: {text}") not in said:
                said.add(line)
                blocks.add(line)
        for notes in (each for each in page if local(each) == "notes"):
            inside = story.apart()
            for node in notes:
                if not _is_empty(node) and value(node, "class") not in (
                    "header",
                    "footer",
                    "page-number",
                    "date-time",
                ):
                    inside.block(node)
            blocks.add(f"Notes: {inside.blocks.text}" if inside.blocks.text else "")
        for line in story.closing():
            blocks.add(line)
        pages.add(blocks.text, title, headings=blocks.headings)
    return pages


def _shape(story: Story, node: Any) -> None:
    if local(node) in SHAPES and value(node, "class") == "title":
        inside = story.apart()
        drawing(inside, node)
        text = inside.blocks.text
        story.blocks.add(text, headings=[text] if text else ())
    else:
        story.block(node)


def _title(source: Source, page: Any) -> str:
    for node in page:
        if local(node) == "frame" and value(node, "class") == "title" and not _is_empty(node):
            story = Story(source, LeftOut())
            story.block(node)
            return " ".join(story.blocks.text.split())
    return ""


def _is_empty(node: Any) -> bool:
    """Whether a frame only says what to enter."""
    return value(node, "placeholder") == "true"
