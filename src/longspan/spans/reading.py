"""From a file to its text. Files are untrusted: what cannot be read in full is refused, with the reason."""

from __future__ import annotations

import codecs
import logging
import shlex
import unicodedata
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from longspan.errors import DocumentError
from longspan.spans.display import printable
from longspan.spans.markup import docx_text, html_text

_KINDS_OF_BINARY = (
    (b"PK\x03\x04", "a zip archive"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\xd0\xcf\x11\xe0", "an older or encrypted Office file"),
    (b"\x7fELF", "a program"),
)
# The longer marks first: the one of UTF-16 begins the one of UTF-32.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WEB_ENCODINGS = ("utf-8", "iso8859", "cp", "koi8", "gb", "big5", "euc", "shift_jis", "iso2022_jp", "mac")
# PDF fonts often give one character for two or three letters, which no search for the word would find.
_LETTERS = {code: unicodedata.normalize("NFKC", chr(code)) for code in range(0xFB00, 0xFB07)} | {0xA0: " "}
_NO_LOG = logging.NullHandler()


class Extract(NamedTuple):
    """The text of a file, and the offset at which each page begins if it has pages."""

    text: str
    page_starts: tuple[int, ...] = ()


def extract(path: Path, name: str) -> Extract:
    """Read the file at ``path``; ``name`` is what errors call it."""
    data = _bytes(path, name)
    suffix = path.suffix.lower()
    if suffix == ".pdf" or data.startswith(b"%PDF-"):
        found = _pdf(data, name)
    elif suffix == ".docx":
        found = Extract(_docx(data, name))
    elif suffix in (".html", ".htm", ".xhtml"):
        found = Extract(_html(data, name))
    else:
        found = Extract(_plain(data, name))
    if not _visible(found.text):
        raise DocumentError(f"{name} has no visible text; give a document that has some")
    return found


def _visible(text: str) -> bool:
    return any(character.isprintable() and not character.isspace() for character in text)


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
        raise DocumentError(f"{name} cannot be opened ({_reason(error)}); check path and rights") from error
    if not data:
        raise DocumentError(f"{name} is empty (0 bytes); give a document with text")
    return data


def _reason(error: Exception) -> str:
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return printable(" ".join(said.split())[:160], lines=False) or type(error).__name__


def _kind_of_binary(data: bytes) -> str | None:
    return next((kind for mark, kind in _KINDS_OF_BINARY if data.startswith(mark)), None)


def _binary(data: bytes, name: str) -> DocumentError:
    kind = _kind_of_binary(data) or "binary data"
    return DocumentError(f"{name} is {kind}, not text; convert it to text, PDF, HTML or docx first")


def _unmarked(data: bytes, name: str) -> bytes | str:
    """The text of a file that begins with a byte order mark, else its bytes."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                text = data[len(mark) :].decode(encoding)
            except UnicodeDecodeError:
                raise _binary(data, name) from None
            if "\0" in text:
                raise _binary(data, name)
            return text
    if b"\0" in data:
        raise _binary(data, name)
    return data


def _plain(data: bytes, name: str) -> str:
    text = _unmarked(data, name)
    if isinstance(text, bytes):
        text = _decoded(text, name)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _decoded(data: bytes, name: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        if _kind_of_binary(data):
            raise _binary(data, name) from None
        file, copy = shlex.quote(name), shlex.quote(f"{name}.utf8")
        raise DocumentError(
            f"{name} is not UTF-8 (byte 0x{data[error.start]:02X} at {error.start:,}); if it is text, "
            f"convert it, e.g. iconv -f WINDOWS-1252 -t UTF-8 {file} > {copy}"
        ) from None


def _html(data: bytes, name: str) -> str:
    page = _unmarked(data, name)
    if isinstance(page, bytes):
        page = _declared(page, name)
    try:
        return html_text(page)
    except Exception as error:  # a page may be broken in any way
        raise DocumentError(f"{name} cannot be read as HTML ({_reason(error)}); save it as text") from error


def _declared(page: bytes, name: str) -> str:
    """The page in the encoding that it declares, else as UTF-8; none is guessed."""
    from bs4.dammit import EncodingDetector

    declared = EncodingDetector.find_declared_encoding(page, is_html=True)
    if not declared:
        return _decoded(page, name)
    try:
        encoding = codecs.lookup(declared).name
        if not encoding.startswith(_WEB_ENCODINGS):
            raise LookupError(f"no encoding of text: {encoding}")
        # Browsers read this name so, and pages rely on it.
        return page.decode("cp1252" if encoding == "iso8859-1" else encoding)
    except (LookupError, UnicodeDecodeError) as error:
        raise DocumentError(
            f"{name} does not fit the encoding {printable(declared, lines=False)[:40]} that it declares; "
            "save it as UTF-8 from a browser"
        ) from error


def _docx(data: bytes, name: str) -> str:
    if not data.startswith(b"PK"):
        raise DocumentError(
            f"{name} is not a docx file (older .doc, or encrypted?); save it as an unprotected docx or PDF"
        )
    try:
        return docx_text(data)
    except Exception as error:  # a package may be broken in any way
        raise DocumentError(
            f"{name} cannot be read as docx ({_reason(error)}); open and save it again, or export it as PDF"
        ) from error


def _pdf(data: bytes, name: str) -> Extract:
    from pypdf import PasswordType, PdfReader

    # Its warnings of small faults would fall through to stderr; a handler of the host's still gets them.
    logging.getLogger("pypdf").addHandler(_NO_LOG)
    doing, advice = "opened", "check that it is a complete PDF"
    try:
        reader = PdfReader(BytesIO(data))
        if reader.is_encrypted and reader.decrypt("") == PasswordType.NOT_DECRYPTED:
            raise DocumentError(f"{name} is encrypted; remove its password first, e.g. with qpdf --decrypt")
        pages = []
        for number, page in enumerate(reader.pages, start=1):
            doing, advice = f"read on page {number}", "repair or print it to a new PDF"
            pages.append(_tidied(page.extract_text()))
    except DocumentError:
        raise
    except Exception as error:  # pypdf: "broken PDF files might cause other Exceptions"
        raise DocumentError(f"{name} cannot be {doing} ({_reason(error)}); {advice}") from error
    if not pages:
        raise DocumentError(f"{name} has no pages; check that it is a complete PDF")
    if not any(map(_visible, pages)):
        raise DocumentError(
            f"{name} has {len(pages)} page(s) without a text layer (a scan?); run OCR first, e.g. ocrmypdf"
        )
    starts = [0]
    for text in pages[:-1]:
        starts.append(starts[-1] + len(text) + 1)
    return Extract("\n".join(pages), tuple(starts))


def _tidied(text: str) -> str:
    """Page text with whole code points, letters instead of ligatures, and no blanks at its line ends."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return "\n".join(line.rstrip() for line in whole.translate(_LETTERS).split("\n")).strip("\n")
