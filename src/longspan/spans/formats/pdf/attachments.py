"""Files that are attached to a PDF file."""

from __future__ import annotations

from typing import Any

from longspan.errors import DocumentError
from longspan.spans.display import printable
from longspan.spans.formats.encodings import plain
from longspan.spans.formats.left_out import ATTACHMENT, LeftOut
from longspan.spans.formats.pdf.objects import entry, items, string

_TEXT = (".txt", ".text", ".md", ".csv", ".tsv", ".log", ".json", ".xml")
_LARGEST = 32 << 20
_MAX_FILES = 1_000


def attached(reader: Any, left_out: LeftOut) -> list[tuple[str, str]]:
    """Name and text of the attached files that are plain text; all others are added to what is left out."""
    texts = []
    size = 0
    for name, data in _files(reader):
        shown = printable(name, lines=False)[:80] or "a file without a name"
        if data is None or not name.lower().endswith(_TEXT) or size + len(data) > _LARGEST:
            left_out.add(ATTACHMENT, shown)
            continue
        try:
            text = plain(data, shown).text
        except DocumentError:
            left_out.add(ATTACHMENT, shown)
            continue
        size += len(data)
        texts.append((shown, text))
    return texts


def _files(reader: Any) -> list[tuple[str, bytes | None]]:
    found = _named(entry(reader.trailer, "/Root", "/Names", "/EmbeddedFiles"))
    found += items(entry(reader.trailer, "/Root", "/AF"))
    for page in reader.pages:
        found += items(entry(page, "/AF"))
        for note in items(entry(page, "/Annots")):
            if entry(note, "/Subtype") == "/FileAttachment":
                found.append(entry(note, "/FS"))
    seen: set[int] = set()
    files = []
    for file in found[:_MAX_FILES]:
        if file is None or id(file) in seen:
            continue
        seen.add(id(file))
        stream = entry(file, "/EF", "/UF") or entry(file, "/EF", "/F")
        try:
            data = stream.get_data() if stream is not None else None
        except Exception:  # a damaged file is named, as one that is not read
            data = None
        files.append((string(entry(file, "/UF")) or string(entry(file, "/F")), data))
    return files


def _named(tree: Any) -> list[Any]:
    """The values of a tree of names, each once."""
    found: list[Any] = []
    left: list[Any] = [tree]
    seen: set[int] = set()
    while left and len(seen) < _MAX_FILES:
        node = left.pop(0)
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        found += items(entry(node, "/Names"))[1::2]
        left += items(entry(node, "/Kids"))
    return found
