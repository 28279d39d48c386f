"""Content of a page that is missing or damaged: PDFium would leave it out without a word."""

from __future__ import annotations

import zlib
from typing import Any

from longspan.spans.formats.pdf.objects import entry, items

_MOST_FORMS = 200


def check_content(page: Any) -> None:
    """Raise if a stream of the page, or of a form that it draws, is missing or cannot be unpacked as a whole."""
    from pypdf.generic import NullObject

    if "/Contents" not in page:
        return
    contents = page["/Contents"]
    for part in contents if isinstance(contents, list) else [contents]:
        stream = part.get_object() if part is not None else None
        if stream is None or isinstance(stream, NullObject):
            raise ValueError("its content is missing")
        _unpack(stream)
    drawn = entry(page, "/Resources", "/XObject")
    for each in list(drawn or ())[:_MOST_FORMS]:
        form = entry(drawn, each)
        if entry(form, "/Subtype") == "/Form":
            _unpack(form)


def _unpack(stream: Any) -> None:
    from pypdf.generic import StreamObject

    if not isinstance(stream, StreamObject):
        return
    stream.get_data()  # it has bounds against streams that unpack without end
    filters = [str(each) for each in items(entry(stream, "/Filter"))] or [str(entry(stream, "/Filter"))]
    if filters[0] in ("/FlateDecode", "/Fl") and not _ends(stream._data):
        raise ValueError("its content is damaged, or stops in the middle")


def _ends(packed: bytes) -> bool:
    """Whether packed data can be unpacked to its end; pypdf takes what it can get."""
    try:
        unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
        unpacker.decompress(packed.lstrip(b"\r\n")[2:])
    except zlib.error:
        return False
    return unpacker.eof
