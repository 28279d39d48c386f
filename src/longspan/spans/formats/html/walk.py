"""From the tree of a page to its text, element by element."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from longspan.spans.formats.html.fields import field_text
from longspan.spans.formats.html.hidden import Styles, gone, script, shown
from longspan.spans.formats.html.lists import Numbering
from longspan.spans.formats.html.maths import formula
from longspan.spans.formats.html.source import LINE, MARK, line_of
from longspan.spans.formats.html.tables import Table, is_layout, is_table
from longspan.spans.formats.html.writer import Writer
from longspan.spans.formats.left_out import Kind, LeftOut
from longspan.spans.formats.marks import lowered, raised

# The line ends, at least, before and after an element: two leave a blank line.
_BLOCKS = {
    2: """article aside blockquote center dir dl fieldset figure footer form h1 h2 h3 h4 h5 h6 header hr listing main
        menu nav ol p plaintext pre search section table title ul xmp""",
    1: """address body caption dd details dialog div dt figcaption frameset legend li optgroup option summary svg tbody
        text tfoot thead tr""",
}
_EDGES = {tag: line_ends for line_ends, tags in _BLOCKS.items() for tag in tags.split()}
_PREFORMATTED = {"pre", "textarea", "listing", "plaintext", "xmp"}
_SAVE = "save what it shows as a file and name that too"
_EMBEDDED = {
    "iframe": Kind("embedded page", "embedded pages", _SAVE),
    "object": Kind("embedded object", "embedded objects", _SAVE),
    "embed": Kind("embedded object", "embedded objects", _SAVE),
    "video": Kind("video", "videos", "transcribe it"),
    "audio": Kind("sound", "sounds", "transcribe it"),
    "canvas": Kind("drawing by a script", "drawings by scripts", "print the page to PDF and run OCR on it"),
    "template": Kind(
        "template for scripts", "templates for scripts", "save the page as shown to have it read"
    ),
}
_PICTURE = Kind(
    "picture without a description", "pictures without a description", "run OCR on it if it holds text"
)
_UNSEEN = Kind(
    "passage that the page hides",
    "passages that the page hides",
    "save the page with it shown to have it read",
)
_NEVER = {"style", "meta", "link", "base", "param", "source", "track", "datalist", "rp"}
_FIELDS = {"input", "select", "textarea", "progress", "meter"}
_STRUCK = {"del", "s", "strike"}
_ENDS = {*_EDGES, "br", "img", "sup", "sub", "td", "th", *_FIELDS}  # no text goes on over them
_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
_MAX_STEPS = 16


@dataclass(frozen=True, kw_only=True)
class _Around:
    """What an element takes from those around it."""

    preformatted: bool = False
    seen: bool = True
    struck: bool = False
    quotes: int = 0
    list: Numbering | None = None
    table: Table | None = None


class Walk:
    """Reads a tree into ``writer`` and counts in ``left_out`` what is not read."""

    def __init__(self, tree: Any, styles: Styles) -> None:
        self.writer = Writer()
        self.left_out = LeftOut()
        self.headings: list[tuple[int, str]] = []
        self._styles = styles
        self._line = self._line_of_mark = 1
        self._mark = ""
        self._steps: list[Callable[[], None] | tuple[Any, _Around]] = [(tree.root, _Around())]
        while self._steps:
            step = self._steps.pop()
            if callable(step):
                step()
            else:
                self._node(*step)

    def _node(self, node: Any, around: _Around) -> None:
        tag = node.tag
        if tag == "-text":
            self._text(node.text_content or "", around)
        elif tag == "head":
            self._steps += [(child, around) for child in node.iter() if child.tag in ("title", "noscript")][
                ::-1
            ]
        elif tag == "script":
            self._script(node)
        elif tag in _NEVER or tag.startswith(("-", "!")):
            pass
        else:
            self._element(node, tag, around)

    def _text(self, text: str, around: _Around) -> None:
        pieces = MARK.split(text)
        for number, piece in enumerate(pieces):
            if number % 2:
                if piece != self._mark:
                    self._mark, self._line_of_mark = piece, line_of(piece)
                self._line = self._line_of_mark
            elif piece:
                if not around.seen:
                    self._unseen(piece)
                elif around.preformatted:
                    self.writer.preformatted(piece, self._line)
                else:
                    self.writer.words(piece, self._line)
                self._line += piece.count("\n")

    def _unseen(self, text: str) -> None:
        if words := " ".join(text[:1_000].split()):
            self.left_out.add(_UNSEEN, words)

    def _element(self, node: Any, tag: str, around: _Around) -> None:
        attributes = node.attributes
        properties = self._styles.of(node, attributes.get("style"))
        if attributes and attributes.get("aria-hidden") == "true" and _has_formula_beside(node):
            return
        if (attributes or properties or tag == "dialog") and _hidden(tag, attributes, properties):
            self._unseen(MARK.sub("", node.text(deep=True) or ""))
            return
        if tag in _EMBEDDED:
            if tag != "template" or MARK.search(node.html or ""):
                self.left_out.add(_EMBEDDED[tag])
            return
        if properties:
            around = replace(around, seen=shown(properties, around.seen))
            if properties.get("white-space", "").startswith(("pre", "break-spaces")):
                around = replace(around, preformatted=True)
        if tag in _FIELDS or tag == "img":
            self._replaced(node, tag, attributes, around)
        elif tag == "br":
            self._break(around)
        elif tag in ("math", "m:math"):
            self._apart(node, around, formula)
        elif tag == "table" and is_table(node):
            self._table(node, around)
        elif tag in ("td", "th") and around.table is not None:
            self._cell(node, attributes, around)
        elif tag in ("sup", "sub") or (properties and script(properties)):
            self._script_of(node, low=tag == "sub" or script(properties) == "_", around=around)
        else:
            self._inside(node, tag, attributes, properties, around)

    def _inside(
        self, node: Any, tag: str, attributes: dict[str, Any], properties: dict[str, str], around: _Around
    ) -> None:
        """An element that is its children, between line ends and marks."""
        display = properties.get("display", "")
        edge = 0 if display.startswith("inline") else _EDGES.get(tag, 0)
        if not edge and display in ("block", "flex", "grid", "list-item", "table", "table-row"):
            edge = 1
        apart = tag == "button" or display == "table-cell"
        opened = closed = ""
        lines = properties.get("text-decoration", "") + properties.get("text-decoration-line", "")
        struck = bool(properties) and "line-through" in lines
        if tag in _STRUCK or struck:
            if not around.struck:
                opened = closed = "~~"
            around = replace(around, struck=True)
        elif tag == "q":
            opened, closed = ("“", "”") if around.quotes % 2 == 0 else ("‘", "’")
            around = replace(around, quotes=around.quotes + 1)
        elif tag in ("rt", "rtc"):
            opened, closed = "(", ")"
        elif tag in ("ol", "ul", "menu", "dir"):
            around = replace(around, list=Numbering.of(node, tag, attributes, properties))
        elif tag == "tr" and around.table is not None:
            around.table.begin_row()
        if tag in _PREFORMATTED:
            around = replace(around, preformatted=True)
        writer = self.writer
        if edge:
            writer.block(edge)
        began = writer.mark() if tag in _HEADINGS and not writer.flat else None
        if apart:
            writer.apart()
        if (
            tag == "li"
            and around.list is not None
            and around.seen
            and (number := around.list.next(attributes, properties))
        ):
            writer.said(number)
            writer.words(" ", self._line)
        if opened and around.seen:
            writer.open(opened)

        is_row = tag == "tr" and around.table is not None

        def end() -> None:
            if opened and around.seen:
                writer.close(opened, closed)
            if is_row and around.table is not None:
                around.table.end_row(writer)
            if began is not None:
                self._heading(began)
            writer.block(edge)
            if apart:
                writer.apart()

        if edge or opened or apart or is_row or began is not None:
            self._steps.append(end)
        within = [(child, around) for child in node.iter(include_text=True)][::-1]
        if display.endswith(("flex", "grid")):  # its children stand beside each other
            self._steps += [step for child in within for step in (writer.apart, child)]
        else:
            self._steps += within

    def _heading(self, began: int) -> None:
        """Keeps what was written since then as a heading."""
        said = "".join(self.writer.parts[began:])
        if words := " ".join(said.split()):
            start = self.writer.length - len(said)
            self.headings.append((start + len(said) - len(said.lstrip()), words))

    def _break(self, around: _Around) -> None:
        if around.preformatted:
            self.writer.preformatted("\n", self._line)
        else:
            self.writer.line_end()

    def _replaced(self, node: Any, tag: str, attributes: dict[str, Any], around: _Around) -> None:
        """What stands for an element that is no text itself."""
        said = field_text(node, tag, attributes) if tag != "img" else self._picture(attributes)
        if said and around.seen:
            self._line = int(attributes.get(LINE) or self._line)
            self.writer.block(1 if tag == "select" else 0)
            if tag != "img":
                self.writer.apart()
            if "\n" in said:
                self.writer.preformatted(said, self._line)
                self.writer.block(1)
            else:
                self.writer.words(said, self._line)
                if tag != "img":
                    self.writer.apart()

    def _picture(self, attributes: dict[str, Any]) -> str:
        words = " ".join((attributes.get("alt") or "").split())
        if "alt" not in attributes:
            self.left_out.add(_PICTURE)
        return f"[image: {words}]" if words else ""

    def _apart(self, node: Any, around: _Around, read: Callable[[Any], str]) -> None:
        said = read(node)
        self._line = int(node.attributes.get(LINE) or self._line)
        if around.seen and said:
            self.writer.words(said, self._line)

    def _table(self, node: Any, around: _Around) -> None:
        table = None if is_layout(node) else Table()
        self._inside(node, "table", {}, {}, replace(around, table=table, preformatted=False))

    def _cell(self, node: Any, attributes: dict[str, Any], around: _Around) -> None:
        table, outer = around.table, self.writer
        if table is None:
            return
        self.writer = Writer(flat=True)

        def end() -> None:
            table.cell(self.writer, attributes)
            self.writer = outer

        self._steps.append(end)
        inner = replace(around, list=None, preformatted=False)
        self._steps += [(child, inner) for child in node.iter(include_text=True)][::-1]

    def _script_of(self, node: Any, *, low: bool, around: _Around) -> None:
        outer = self.writer
        self.writer = Writer(flat=True)
        link = any(child.tag == "a" for child in node.traverse()) or bool(
            re.search(r"foot|note|ref|cite", f"{node.attributes.get('class')} {node.attributes.get('id')}")
        )

        def end() -> None:
            inner, self.writer = self.writer, outer
            text = inner.text
            before = outer.last if outer.touching else ""
            after = _text_after(node)
            if low:
                said = text if before in ("⁄", "/") else lowered(text, after)  # the lower half of a fraction
            elif _slash_follows(node):
                said = f" {text}" if before.isdigit() else text
            elif not any(map(str.isalnum, text)) or text[:1] in "[(":
                said = text  # * or †, and [2]
            else:
                said = f"[{text}]" if link else raised(text, before, after)
            if text:
                prefix, _, suffix = said.partition(text)
                outer.open(prefix)
                outer.add(inner)
                outer.close(prefix, suffix)

        self._steps.append(end)
        self._steps += [(child, around) for child in node.iter(include_text=True)][::-1]

    def _script(self, node: Any) -> None:
        """TeX that a script would set."""
        kind = (node.attributes.get("type") or "").lower()
        before = node.prev
        while before is not None and before.tag == "-text" and not (before.text_content or "").strip():
            before = before.prev
        if kind.startswith("math/tex") and (
            before is None or "MathJax" not in str(before.attributes.get("class"))
        ):
            self.writer.words(f"${' '.join((node.text() or '').split())}$", self._line)


def _text_after(node: Any) -> str:
    """What touches an element from behind, also where it is the last one of another in its line."""
    here = node
    for _ in range(_MAX_STEPS):
        after = here.next
        for _ in range(_MAX_STEPS):
            if after is None or after.tag in _ENDS:
                break
            if text := _first_text(after):
                return text
            after = after.next
        if after is not None:
            return ""
        here = here.parent
        if here is None or here.tag in _ENDS:
            return ""
    return ""


def _first_text(node: Any) -> str:
    for looked, inner in enumerate(node.traverse(include_text=True)):
        if inner.tag in _ENDS or looked > _MAX_STEPS:
            return ""
        if inner.tag == "-text" and (text := MARK.sub("", (inner.text_content or "")[:64])):
            return text[:2]
    return ""


def _slash_follows(node: Any) -> bool:
    """Whether this is the upper half of a fraction."""
    after = node.next
    return (
        after is not None
        and after.tag == "-text"
        and MARK.sub("", after.text_content or "").strip() in ("/", "⁄")
        and after.next is not None
        and after.next.tag == "sub"
    )


def _hidden(tag: str, attributes: dict[str, Any], properties: dict[str, str]) -> bool:
    display = properties.get("display")
    if gone(properties):
        return True
    if display is None and ("hidden" in attributes or "popover" in attributes):
        return True
    if display is None and tag == "dialog" and "open" not in attributes:
        return True
    return tag == "input" and (attributes.get("type") or "").lower() == "hidden"


def _has_formula_beside(node: Any) -> bool:
    """Whether this is the drawn copy of a formula that stands beside it in MathML."""
    parent = node.parent
    return parent is not None and any(
        child.tag == "math" or child.css_first("math") is not None
        for child in parent.iter()
        if child.mem_id != node.mem_id
    )
