"""From bytes to characters: byte order marks, UTF-8, and what a page declares. None is guessed."""

from __future__ import annotations

import codecs

from longspan.errors import DocumentError
from longspan.spans.display import printable
from longspan.spans.formats.charsets import declared_label, read
from longspan.spans.formats.extract import Extract
from longspan.spans.formats.foreign import escaped_encoding, not_utf8, with_nul

# The longer marks first: the one of UTF-16 begins the one of UTF-32.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def marked(data: bytes, name: str) -> bytes | str:
    """The text of a file that begins with a byte order mark, else its bytes."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                text = data[len(mark) :].decode(encoding)
            except UnicodeDecodeError as error:
                raise DocumentError(
                    f"{name} begins with the byte order mark of {encoding.upper()} and does not fit it (byte "
                    f"{len(mark) + error.start:,}), or is binary data; save it again as UTF-8, or convert it to text"
                ) from None
            if "\0" in text:
                raise DocumentError(
                    f"{name} is binary data, or text with NUL characters; convert it to UTF-8 text without them"
                )
            return text
    if b"\0" in data:
        raise with_nul(data, name)
    return data


def plain(data: bytes, name: str) -> Extract:
    text = marked(data, name)
    if isinstance(text, bytes):
        text = _decoded(text, name)
        if refusal := escaped_encoding(data, name):
            raise refusal
    return Extract(text=text.replace("\r\n", "\n").replace("\r", "\n"))


def _decoded(data: bytes, name: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise not_utf8(data, name) from None


def declared(page: bytes, name: str) -> str:
    """The page in the encoding that it declares, as browsers decide it, else as UTF-8; none is guessed."""
    label = declared_label(page)
    if label is None:
        return _decoded(page, name)
    shown = printable(label, lines=False)[:40]
    try:
        return read(page, label)
    except UnicodeDecodeError as error:
        raise DocumentError(
            f"{name} does not fit the encoding {shown} that it declares (byte 0x{page[error.start]:02X} at "
            f"{error.start:,}); correct the declaration, or save it as UTF-8 from a program that shows it right"
        ) from error
    except LookupError as error:
        raise DocumentError(
            f"{name} declares the encoding {shown}, which browsers do not read; convert it to UTF-8, e.g. with "
            "iconv, and declare that"
        ) from error
