"""The visible text of a page, one block a line."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from longspan.errors import DocumentError
from longspan.spans.formats.encodings import declared, marked
from longspan.spans.formats.extract import Extract
from longspan.spans.formats.joining import joined
from longspan.spans.formats.reason import reason

if TYPE_CHECKING:
    from bs4 import Tag

# The line ends, at least, before and after an element: two leave a blank line.
_BLOCKS = {
    2: """article aside blockquote dl fieldset figure footer form h1 h2 h3 h4 h5 h6 header hr main nav ol p
        pre section table title ul""",
    1: "address caption dd details div dt figcaption legend li option summary tbody tfoot thead tr",
}
_EDGES = {tag: line_ends for line_ends, tags in _BLOCKS.items() for tag in tags.split()}
_SUFFIXES = (".html", ".htm", ".xhtml", ".shtml")
_BEGINNING = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html)\b", re.I | re.S)
_HIDDEN = {"script", "style", "template", "noscript", "iframe", "object", "audio", "video", "canvas"}
_HIDING_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_INVISIBLE = re.compile("[\xad\u200b\ufeff]")


def is_html(data: bytes, suffix: str) -> bool:
    """Whether the file is a page, by its beginning or its name."""
    return suffix in _SUFFIXES or bool(_BEGINNING.match(data[:4096]))


def html(data: bytes, name: str) -> Extract:
    """What a reader of the page sees, in the encoding that it declares."""
    page = marked(data, name)
    if isinstance(page, bytes):
        page = declared(page, name)
    try:
        return Extract(text=html_text(page))
    except Exception as error:  # a page may be broken in any way
        raise DocumentError(f"{name} cannot be read as HTML ({reason(error)}); save it as text") from error


def html_text(page: str) -> str:
    """What a reader of the page sees: no scripts, styles or hidden parts; cells are parted by tabs."""
    from bs4 import BeautifulSoup

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # e.g. that an XHTML page is not read as XML
        soup = BeautifulSoup(page, "html.parser")
    return joined(_page_pieces(soup))


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
