"""From bytes to characters: byte order marks, UTF-8, and what a page declares. None is guessed."""

from __future__ import annotations

import codecs
import shlex

from longspan.errors import DocumentError
from longspan.spans.display import printable
from longspan.spans.formats.extract import Extract

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


def _kind_of_binary(data: bytes) -> str | None:
    return next((kind for mark, kind in _KINDS_OF_BINARY if data.startswith(mark)), None)


def _binary(data: bytes, name: str) -> DocumentError:
    kind = _kind_of_binary(data) or "binary data"
    return DocumentError(f"{name} is {kind}, not text; convert it to text, PDF, HTML or docx first")


def marked(data: bytes, name: str) -> bytes | str:
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


def plain(data: bytes, name: str) -> Extract:
    text = marked(data, name)
    if isinstance(text, bytes):
        text = _decoded(text, name)
    return Extract(text=text.replace("\r\n", "\n").replace("\r", "\n"))


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


def declared(page: bytes, name: str) -> str:
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
