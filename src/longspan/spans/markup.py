"""The visible text of HTML and Word trees, one block a line."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bs4 import Tag

# The line ends, at least, before and after an element: two leave a blank line.
_BLOCKS = {
    2: """article aside blockquote dl fieldset figure footer form h1 h2 h3 h4 h5 h6 header hr main nav ol p
        pre section table title ul""",
    1: "address caption dd details div dt figcaption legend li option summary tbody tfoot thead tr",
}
_EDGES = {tag: line_ends for line_ends, tags in _BLOCKS.items() for tag in tags.split()}
_HIDDEN = {"script", "style", "template", "noscript", "iframe", "object", "audio", "video", "canvas"}
_HIDING_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_INVISIBLE = re.compile("[\xad\u200b\ufeff]")

_WORD_CHARACTERS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
# Deleted and moved-away text, properties, and the second form that a text box has for older readers.
_WORD_HIDDEN = {"del", "moveFrom", "pPr", "rPr", "Fallback"}
_LARGEST_DOCX = 1 << 30


def html_text(page: str) -> str:
    """What a reader of the page sees: no scripts, styles or hidden parts; cells are parted by tabs."""
    from bs4 import BeautifulSoup

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # e.g. that an XHTML page is not read as XML
        soup = BeautifulSoup(page, "html.parser")
    return _joined(_page_pieces(soup))


def _page_pieces(soup: Tag) -> Iterator[str | int]:
    """The visible text, and the line ends that blocks ask for."""
    from bs4.element import CData, NavigableString, PreformattedString

    at_edge = True  # a blank here would begin a line
    stack: list[tuple[Any, bool]] = [(soup, False)]
    while stack:
        node, preformatted = stack.pop()
        piece: str | int
        if isinstance(node, PreformattedString) and not isinstance(node, CData):
            continue  # a comment or a doctype
        if isinstance(node, NavigableString):
            text = _INVISIBLE.sub("", node)
            if not preformatted:
                text = re.sub(r"[ \t\n\r\f\xa0]+", " ", text)
            piece = text.lstrip(" ") if at_edge and not preformatted else text
        elif isinstance(node, str | int):  # the end of an element
            piece = node
        elif _hidden(node):
            continue
        else:
            inside = preformatted or node.name in ("pre", "textarea")
            stack.append(("\t" if node.name in ("td", "th") else _EDGES.get(node.name, 0), inside))
            stack.extend((child, inside) for child in reversed(node.contents))
            piece = "\n" if node.name == "br" else _EDGES.get(node.name, 0)
        if piece:
            yield piece
            at_edge = isinstance(piece, int) or piece[-1] in " \t\n"


def _hidden(tag: Tag) -> bool:
    style = str(tag.get("style") or "")
    return tag.name in _HIDDEN or tag.has_attr("hidden") or bool(_HIDING_STYLE.search(style))


def docx_text(data: bytes) -> str:
    """Headings, paragraphs and tables in document order, then the notes; cells are parted by tabs.

    The tree is walked rather than python-docx's paragraphs, which leave out tracked insertions, text
    boxes, formulas and content controls. Page headers and footers are left out.
    """
    from docx import Document
    from docx.oxml import parse_xml

    with zipfile.ZipFile(BytesIO(data)) as package:
        size = sum(part.file_size for part in package.infolist())
    if size > _LARGEST_DOCX:
        raise ValueError(f"it unpacks to {size:,} bytes, more than {_LARGEST_DOCX:,}")
    document = Document(BytesIO(data))
    notes = [
        parse_xml(relation.target_part.blob)
        for relation in document.part.rels.values()
        if not relation.is_external and relation.reltype.endswith(("/footnotes", "/endnotes"))
    ]
    return _joined(piece for root in [document.element.body, *notes] for piece in _word_pieces(root))


def _word_pieces(root: Any) -> Iterator[str | int]:
    """The text under a Word element, and the line ends that blocks ask for.

    Local names tell: formulas and shapes have their own namespaces.
    """
    stack: list[Any] = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, int):
            yield node
            continue
        name = _local(node)
        if name in _WORD_HIDDEN:
            continue
        if name == "t":
            yield (node.text or "").replace("\xa0", " ")
        elif name in _WORD_CHARACTERS:
            yield _WORD_CHARACTERS[name]
        elif name == "tr":
            yield 1
            yield "\t".join(map(_cell_text, _cells(node)))
            yield 1
        else:
            line_ends = 2 if name in ("p", "tbl") else 0
            stack += [line_ends, *reversed(node), line_ends]


def _local(node: Any) -> str:
    return node.tag.rpartition("}")[2] if isinstance(node.tag, str) else ""


def _cells(node: Any) -> Iterator[Any]:
    """The cells of a row, also those in a content control, but not those of a table in a cell."""
    for child in node:
        if _local(child) == "tc":
            yield child
        else:
            yield from _cells(child)


def _cell_text(cell: Any) -> str:
    return " ".join(_joined(piece for child in cell for piece in _word_pieces(child)).split())


def _joined(pieces: Iterable[str | int]) -> str:
    """The pieces of text; a number asks for so many line ends, at least, between its neighbours.

    No blanks at line ends, no more than one blank line together, none around the whole.
    """
    parts: list[str] = []
    line_ends = 0
    for piece in pieces:
        if isinstance(piece, int):
            line_ends = max(line_ends, piece)
        elif piece:
            parts += ["\n" * line_ends, piece]
            line_ends = 0
    text = "\n".join(line.rstrip() for line in "".join(parts).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n")
