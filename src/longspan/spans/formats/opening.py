"""From a file to its text. Files are untrusted: what cannot be read in full is refused, with the reason."""

from __future__ import annotations

from pathlib import Path

from longspan.errors import DocumentError
from longspan.spans.formats.encodings import plain
from longspan.spans.formats.extract import Extract
from longspan.spans.formats.html import html
from longspan.spans.formats.pdf import pdf
from longspan.spans.formats.reason import reason, visible
from longspan.spans.formats.word import word


def extract(path: Path, name: str) -> Extract:
    """Read the file at ``path``; ``name`` is what errors call it."""
    data = _bytes(path, name)
    suffix = path.suffix.lower()
    if suffix == ".pdf" or data.startswith(b"%PDF-"):
        found = pdf(data, name)
    elif suffix == ".docx":
        found = word(data, name)
    elif suffix in (".html", ".htm", ".xhtml"):
        found = html(data, name)
    else:
        found = plain(data, name)
    if not visible(found.text):
        raise DocumentError(f"{name} has no visible text; give a document that has some")
    return found


def _bytes(path: Path, name: str) -> bytes:
    try:
        if path.is_dir():
            raise DocumentError(f"{name} is a folder; name the files in it")
        if path.exists() and not path.is_file():
            raise DocumentError(f"{name} is not a regular file; save its content to one and name that")
        data = path.read_bytes()
    except FileNotFoundError:
        raise DocumentError(f"there is no file {name}; check the path") from None
    except (OSError, ValueError) as error:
        raise DocumentError(f"{name} cannot be opened ({reason(error)}); check path and rights") from error
    if not data:
        raise DocumentError(f"{name} is empty (0 bytes); give a document with text")
    return data
