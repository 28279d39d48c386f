"""The paragraphs, lists and tables of an OpenDocument file as blocks of text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from longspan.spans.formats.blocks import Blocks
from longspan.spans.formats.left_out import DELETED, HIDDEN, LeftOut
from longspan.spans.formats.line import Line, Look
from longspan.spans.formats.open_document.drawn import SHAPES, drawing, formula
from longspan.spans.formats.open_document.lists import Counters
from longspan.spans.formats.open_document.source import Source
from longspan.spans.formats.package import child, local, number, value

_BLANKS = re.compile(r"[ \t\r\n]+")
_INVISIBLE = dict.fromkeys(map(ord, "\xad\u200b\ufeff")) | {0xA0: " "}
_SAY_NOTHING = """sequence-decls variable-decls user-field-decls dde-connection-decls forms scripts label
    soft-page-break
    table-of-content-source illustration-index-source table-index-source object-index-source user-index-source
    alphabetical-index-source bibliography-source table-columns table-column change change-start change-end bookmark
    bookmark-start bookmark-end reference-mark reference-mark-start reference-mark-end annotation-end script
    event-listeners header-decl footer-decl date-time-decl settings calculation-settings creator date date-string
    creator-initials sender-initials title-source"""
_PASSED = frozenset(_SAY_NOTHING.split())
_MAX_REPEATED = 1024


class Story:
    """Reads elements one after another into `blocks`; notes and comments are kept for the end of the document."""

    def __init__(self, source: Source, left_out: LeftOut, above: Story | None = None) -> None:
        self.source, self.left_out = source, left_out
        self.blocks = Blocks()
        self.notes: list[str] = above.notes if above else []
        self.comments: list[str] = above.comments if above else []
        self.controls: dict[str, Any] = above.controls if above else _controls(source)
        self.fields: dict[str, str] = above.fields if above else {}
        self._outline: Counters = above._outline if above else Counters(source.styles.outline)
        self._lists: dict[str, Counters] = above._lists if above else {}
        self._last: dict[str, Counters] = above._last if above else {}
        self._drawn: list[Any] = []

    def apart(self) -> Story:
        """A story of its own within this one, as a cell or a note."""
        return Story(self.source, self.left_out, self)

    def read(self, nodes: Any) -> Blocks:
        for node in nodes:
            self.block(node)
        return self.blocks

    def block(self, node: Any, label: str = "") -> None:
        name = local(node)
        if name in ("p", "h"):
            self._paragraph(node, label)
        elif name in ("list", "numbered-paragraph"):
            self._list(node)
        elif name == "table":
            self._table(node)
        elif name == "tracked-changes":
            self._changes(node)
        elif name == "section" and (value(node, "display") == "none" or value(node, "is-hidden") == "true"):
            self._hide(node)
        elif name == "annotation":
            self.annotate(node)
        elif name in SHAPES:
            drawing(self, node)
        elif name not in _PASSED:
            for each in node:
                self.block(each)

    def _paragraph(self, node: Any, label: str) -> None:
        style = value(node, "style-name") or ""
        hidden = any(value(each, "is-hidden") == "true" for each in node if local(each) == "hidden-paragraph")
        if hidden or self.source.styles.look("paragraph", style).hidden:
            self._hide(node)
            return
        line = Line()
        self._inline(node, line, self.source.styles.look("paragraph", style)._replace(script=""))
        text = line.take().strip(" ")
        is_heading = local(node) == "h"
        if (
            is_heading
            and not label
            and child(node, "number") is None
            and value(node, "is-list-header") != "true"
        ):
            restart = number(node, "start-value") or (
                1 if value(node, "restart-numbering") == "true" else None
            )
            label = self._outline.next(number(node, "outline-level") or 1, restart)
        self.blocks.add(label + text if text else "", headings=[label + text] if is_heading and text else ())
        waiting, self._drawn = self._drawn, []
        for each in waiting:
            drawing(self, each)

    def _hide(self, node: Any) -> None:
        if words := " ".join("".join(node.itertext()).split()):
            self.left_out.add(HIDDEN, words)

    def _inline(self, node: Any, line: Line, look: Look) -> None:
        self._text(node.text, line, look)
        for each in node:
            name = local(each)
            if name == "span":
                own = self.source.styles.look("text", value(each, "style-name") or "")
                if own.hidden:
                    self._hide(each)
                else:
                    both = Look(struck=look.struck or own.struck, script=own.script or look.script)
                    self._inline(each, line, both)
            elif name == "s":
                line.add(" " * min(number(each, "c") or 1, _MAX_REPEATED), look)
            elif name == "tab":
                line.add("\t", look)
            elif name == "line-break":
                line.add("\n", look)
            elif name == "note":
                line.add(self._note(each), look._replace(script=""))
            elif name == "annotation":
                line.add(self.annotate(each), look._replace(script=""))
            elif name == "ruby":
                for part, first, last in (("ruby-base", "", ""), ("ruby-text", "(", ")")):
                    if (found := child(each, part)) is not None and "".join(found.itertext()).strip():
                        line.add(first, look)
                        self._inline(found, line, look)
                        line.add(last, look)
            elif name in ("hidden-text", "hidden-paragraph"):
                if value(each, "is-hidden") == "true" or (name == "hidden-text" and not (each.text or "")):
                    self.left_out.add(HIDDEN, value(each, "string-value") or each.text or "")
                else:
                    self._inline(each, line, look)
            elif name == "math":
                line.add_apart(formula(each))
            elif name in self.fields:
                line.add(self.fields[name], look)
            elif (name in SHAPES and name != "a") or (
                name == "a" and any(local(inner) in SHAPES for inner in each)
            ):
                self._drawn.append(each)
            elif name == "tracked-changes":
                self._changes(each)
            elif name in ("p", "h", "list", "table"):
                line.add("\n", look)
                self._inline(each, line, look)
            elif name not in _PASSED or name in ("date", "creator", "title-source"):
                self._inline(each, line, look)
            self._text(each.tail, line, look)

    def _text(self, text: str | None, line: Line, look: Look) -> None:
        if text:
            line.add(_BLANKS.sub(" ", text).translate(_INVISIBLE), look)

    def _note(self, node: Any) -> str:
        mark = " ".join("".join(each.itertext()).strip() for each in node if local(each) == "note-citation")
        inside = self.apart()
        body = inside.read(child(node, "note-body") if child(node, "note-body") is not None else ()).text
        self.notes.append(f"[{mark}] {body}")
        return f"[{mark}]"

    def annotate(self, node: Any) -> str:
        """Keeps a comment, and gives the mark for its place."""
        mark = f"comment {len(self.comments) + 1}"
        self.comments.append(f"[{mark}] {self.remark(node)}")
        return f"[{mark}]"

    def remark(self, node: Any) -> str:
        """A comment with its author and date."""
        author = " ".join("".join(each.itertext()) for each in node if local(each) == "creator").strip()
        date = "".join("".join(each.itertext()) for each in node if local(each) == "date")[:10]
        who = " ".join(filter(None, (author, f"({date})" if date else "")))
        text = self.apart().read(node).text
        return f"{who}: {text}" if who else text

    def _changes(self, node: Any) -> None:
        """What was deleted is not shown, and named."""
        for region in node:
            for change in region.iter("{*}deletion", "{*}deletion-of-cells"):
                words = " ".join(
                    "".join(each.itertext())
                    for each in change
                    if local(each) not in ("change-info", "deletion")
                )
                if words.strip():
                    self.left_out.add(DELETED, words)

    def _list(self, node: Any, above: Counters | None = None, level: int = 1) -> None:
        named, own = value(node, "style-name") or "", above
        if above is None:
            style = self.source.styles.lists.get(named)
            follows = self._lists.get(value(node, "continue-list") or "")
            if follows is None and value(node, "continue-numbering") == "true":
                follows = self._last.get(named)
            own = follows or Counters(style)
            self._last[named] = own
            if identity := value(node, "id"):
                self._lists[identity] = own
        if own is None:
            return
        if local(node) == "numbered-paragraph":
            self._entry(node, own, number(node, "level") or 1, counted=True)
            return
        for item in node:
            if local(item) in ("list-item", "list-header"):
                self._entry(item, own, level, counted=local(item) == "list-item")

    def _entry(self, item: Any, own: Counters, level: int, *, counted: bool) -> None:
        label = ""
        first = next((local(each) for each in item if local(each) != "number"), "")
        if counted and first in ("p", "h"):
            label = own.next(level, number(item, "start-value"))
        for each in item:
            if local(each) == "list":
                self._list(each, own, level + 1)
            elif local(each) != "number":
                self.block(each, label if local(each) in ("p", "h") else "")
                label = "" if local(each) in ("p", "h") else label

    def _table(self, table: Any) -> None:
        self.blocks.part()
        for row in rows_of(table):
            if (value(row, "visibility") or "visible") != "visible":
                self._hide(row)
                continue
            texts: list[str] = []
            headings: list[str] = []
            for cell in row:
                if local(cell) not in ("table-cell", "covered-table-cell"):
                    continue
                found = self.apart().read(cell)
                if local(cell) == "covered-table-cell":
                    if found:
                        self.left_out.add(HIDDEN, found.text)
                    texts.append("")
                else:
                    texts.append(" ".join(found.text.split()))
                    headings += [said for _, said in found.headings]
                texts += [texts[-1]] * (min(number(cell, "number-columns-repeated") or 1, _MAX_REPEATED) - 1)
            for _ in range(min(number(row, "number-rows-repeated") or 1, _MAX_REPEATED) if any(texts) else 1):
                self.blocks.add("\t".join(texts), line_ends=1, headings=headings)
        self.blocks.part()

    def closing(self) -> Iterator[str]:
        """Notes and comments, each once."""
        yield from self.notes
        yield from self.comments


def rows_of(table: Any) -> Iterator[Any]:
    """The rows of a table, also those of groups and heads, but not those of a table within."""
    for each in table:
        if local(each) == "table-row":
            yield each
        elif local(each) in ("table-rows", "table-header-rows", "table-row-group"):
            yield from rows_of(each)


def _controls(source: Source) -> dict[str, Any]:
    return {
        value(node, "id") or "": node
        for form in source.body.iter("{*}form")
        for node in form.iter()
        if value(node, "id")
    }
