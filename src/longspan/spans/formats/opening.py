"""From a file to its text. Files are untrusted: what cannot be read in full is refused, with the reason."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from longspan.errors import DocumentError
from longspan.spans.formats.brought import FORMATS, OWN, brought_reader
from longspan.spans.formats.encodings import plain
from longspan.spans.formats.epub import epub
from longspan.spans.formats.extract import Extract
from longspan.spans.formats.html import html, is_html
from longspan.spans.formats.json_text import SUFFIXES as JSON_SUFFIXES
from longspan.spans.formats.json_text import json_text
from longspan.spans.formats.latex import SUFFIXES as LATEX_SUFFIXES
from longspan.spans.formats.latex import latex
from longspan.spans.formats.mail import is_mail, mail
from longspan.spans.formats.notebook import notebook
from longspan.spans.formats.ocr import engine, is_picture, picture
from longspan.spans.formats.open_document import open_document
from longspan.spans.formats.pdf import pdf
from longspan.spans.formats.reason import reason, visible
from longspan.spans.formats.rtf import is_rtf, rtf
from longspan.spans.formats.sheets import xlsx
from longspan.spans.formats.slides import pptx
from longspan.spans.formats.tables import SUFFIXES as TABLE_SUFFIXES
from longspan.spans.formats.tables import table
from longspan.spans.formats.unread import package_kind, refuse_unread
from longspan.spans.formats.word import word

_NEVER_TEXT = (
    *(".pdf", ".docx", ".docm", ".dotx", ".dotm", ".pptx", ".pptm", ".ppsx", ".ppsm", ".potx", ".potm"),
    *(
        ".xlsx",
        ".xlsm",
        ".xltx",
        ".xltm",
        ".odt",
        ".ott",
        ".ods",
        ".ots",
        ".odp",
        ".otp",
        ".odg",
        ".otg",
        ".epub",
    ),
)
_PACKAGED = {"slides": pptx, "sheets": xlsx, "book": epub, "open": open_document}
_PACKAGES = ("lxml", "openpyxl", "pypdf", "pypdfium2", "selectolax", "tinycss2")  # the extra `documents`
_DEEPEST = 4  # Word files around a file
_PDF_BEGINS = 1024  # bytes of something else that readers of PDF pass over


def extract(path: Path, name: str) -> Extract:
    """Read the file at ``path``; ``name`` is what errors call it."""
    return extract_bytes(_bytes(path, name), path.suffix.lower(), name)


def extract_bytes(data: bytes, suffix: str, name: str) -> Extract:
    """Read what is in a file with this suffix; ``name`` is what errors call it."""
    if not data:
        raise DocumentError(f"{name} is empty (0 bytes); give a document with text")
    found = read(data, suffix, name)
    if not visible(found.text):
        why = f": it {found.notes[0]}" if found.notes else "; give a document that has some"
        raise DocumentError(f"{name} has no visible text{why}")
    return found


def read(data: bytes, suffix: str, name: str, depth: int = 0) -> Extract:
    """The text of a file, or of a part of one, by what it holds; ``depth`` counts the Word files around it."""
    reader = _reader(data, suffix, name, depth)
    if reader not in (plain, table, json_text, latex, picture, brought_reader(suffix)):
        _require_packages(name)
    return reader(data, name)


def is_named_format(suffix: str) -> bool:
    """Whether files with this suffix (".docx") are of a format of their own that is read."""
    return suffix.removeprefix(".") in (*OWN, *FORMATS.names)


def _require_packages(name: str) -> None:
    for package in _PACKAGES:
        if find_spec(package) is None:
            raise DocumentError(
                f"{name} is read with {package}, which is not installed; pip install 'longspan[documents]'"
            )


def _embedded(data: bytes, name: str, depth: int) -> Extract:
    if depth > _DEEPEST:
        raise DocumentError(f"{name} lies {depth} files deep; save it as a file of its own")
    return read(data, posixpath.splitext(name)[1].lower(), name, depth)


def _reader(data: bytes, suffix: str, name: str, depth: int) -> Callable[[bytes, str], Extract]:
    """What reads such a file: for some suffixes another package, else its content tells, and then its suffix."""
    brought = brought_reader(suffix)
    if brought is not None:
        return brought
    if data.startswith(b"%PDF-") or (suffix == ".pdf" and b"%PDF-" in data[:_PDF_BEGINS]):
        return pdf
    if kind := package_kind(data):
        return (
            partial(word, opened=partial(_embedded, depth=depth + 1)) if kind == "word" else _PACKAGED[kind]
        )
    if is_rtf(data):
        return rtf
    if is_picture(data) and engine() is not None:
        return picture
    refuse_unread(data, name)
    if suffix in _NEVER_TEXT:
        raise DocumentError(
            f"{name} is not a {suffix[1:]} file, whatever its name; if it is text, rename it to .txt"
        )
    if suffix == ".ipynb":
        return notebook
    if is_mail(data, suffix):
        return mail
    if is_html(data, suffix):
        return html
    if suffix in TABLE_SUFFIXES:
        return table
    if suffix in LATEX_SUFFIXES:
        return latex
    return json_text if suffix in JSON_SUFFIXES else plain


def _bytes(path: Path, name: str) -> bytes:
    try:
        if path.is_dir():
            raise DocumentError(f"{name} is a folder; name the files in it")
        if path.exists() and not path.is_file():
            raise DocumentError(f"{name} is not a regular file; save its content to one and name that")
        return path.read_bytes()
    except FileNotFoundError:
        raise DocumentError(f"there is no file {name}; check the path") from None
    except (OSError, ValueError) as error:
        raise DocumentError(f"{name} cannot be opened ({reason(error)}); check path and rights") from error
