"""The text of a Word file, one block a line."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from longspan.errors import DocumentError
from longspan.spans.formats.extract import Extract
from longspan.spans.formats.joining import joined
from longspan.spans.formats.reason import reason
from longspan.spans.places import Places

_WORD_CHARACTERS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
# Deleted and moved-away text, properties, and the second form that a text box has for older readers.
_WORD_HIDDEN = {"del", "moveFrom", "pPr", "rPr", "Fallback"}
_LARGEST_DOCX = 1 << 30


def word(data: bytes, name: str) -> Extract:
    """The text of a docx file."""
    if not data.startswith(b"PK"):
        raise DocumentError(
            f"{name} is not a docx file (older .doc, or encrypted?); save it as an unprotected docx or PDF"
        )
    try:
        return Extract(text=docx_text(data), places=Places(lines=()))
    except Exception as error:  # a package may be broken in any way
        raise DocumentError(
            f"{name} cannot be read as docx ({reason(error)}); open and save it again, or export it as PDF"
        ) from error


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
    return joined(piece for root in [document.element.body, *notes] for piece in _word_pieces(root))


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
    return " ".join(joined(piece for child in cell for piece in _word_pieces(child)).split())
