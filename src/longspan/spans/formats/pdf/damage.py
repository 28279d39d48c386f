"""Content of a page that is missing, damaged or endless: PDFium would leave it out without a word, or never end."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from typing import Any

from longspan.spans.formats.pdf.objects import entry, items

_DO = re.compile(rb"/([^\s/<>\[\](){}%]+)\s+Do\b")
_LONGEST_SAID = 2048  # digits for one code; PDF allows 512 bytes, which are 1,024
_NO_DIGITS = re.compile(rb"[^0-9A-Fa-f\n\r\t]+")
_LARGEST_TABLE = 4 << 20  # bytes; the whole of Unicode's first plane takes one
_MAX_DRAWN = 20_000
_DEEPEST = 24


def check_content(page: Any, checked: set[int]) -> None:
    """Raise if content of the page is missing or damaged, or if its forms are drawn without end.

    checked: the tables of fonts that were looked at, on pages before.
    """
    from pypdf.generic import NullObject

    if "/Contents" not in page:
        return
    contents = page["/Contents"]
    said = []
    for part in contents if isinstance(contents, list) else [contents]:
        stream = part.get_object() if part is not None else None
        if stream is None or isinstance(stream, NullObject):
            raise ValueError("its content is missing")
        said.append(_unpacked(stream))
    _drawn(b"\n".join(said), entry(page, "/Resources"), frozenset(), {}, checked)


def _check_tables(fonts: Any, checked: set[int]) -> None:
    """Raise if a font has a table of its characters by which a few codes stand for a text without end."""
    from pypdf.errors import LimitReachedError
    from pypdf.generic import StreamObject

    for key in list(fonts or ())[:500]:
        table = entry(fonts, key, "/ToUnicode")
        if not isinstance(table, StreamObject) or id(table) in checked:
            continue
        checked.add(id(table))
        try:
            data = bytes(table.get_data())
        except LimitReachedError:
            data = bytes(_LARGEST_TABLE + 1)
        except Exception:  # noqa: S112 - PDFium says of a damaged table that it knows no characters
            continue
        longest = max(map(len, _NO_DIGITS.split(data[:_LARGEST_TABLE].replace(b" ", b""))))
        if len(data) > _LARGEST_TABLE or longest > _LONGEST_SAID:
            raise ValueError("the table of characters of a font on it is larger than any alphabet")


def _drawn(
    content: bytes, resources: Any, above: frozenset[int], known: dict[int, int], checked: set[int]
) -> int:
    """How many forms some content draws, those within them included; ``above`` are those that it stands in."""
    _check_tables(entry(resources, "/Font"), checked)
    total = 1
    for name, times in Counter(_DO.findall(content)).items():
        key = _ESCAPE.sub(lambda code: bytes([int(code[1], 16)]), name).decode("latin-1")
        form = entry(resources, "/XObject", f"/{key}")
        if entry(form, "/Subtype") != "/Form":
            continue
        if id(form) in above or len(above) >= _DEEPEST:
            raise ValueError("a form on it draws itself")
        if id(form) not in known:
            within = entry(form, "/Resources") or resources
            known[id(form)] = _drawn(_unpacked(form), within, above | {id(form)}, known, checked)
        total += times * known[id(form)]
    if total > _MAX_DRAWN:
        raise ValueError(f"its forms are drawn more than {_MAX_DRAWN:,} times")
    return total


_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")


def _unpacked(stream: Any) -> bytes:
    from pypdf.generic import StreamObject

    if not isinstance(stream, StreamObject):
        return b""
    data = stream.get_data()  # it has bounds against streams that unpack without end
    filters = [str(each) for each in items(entry(stream, "/Filter"))] or [str(entry(stream, "/Filter"))]
    if filters[0] in ("/FlateDecode", "/Fl") and not _ends(stream._data):
        raise ValueError("its content is damaged, or stops in the middle")
    return data if isinstance(data, bytes) else str(data).encode()


def _ends(packed: bytes) -> bool:
    """Whether packed data can be unpacked to its end; pypdf takes what it can get."""
    try:
        unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
        unpacker.decompress(packed.lstrip(b"\r\n")[2:])
    except zlib.error:
        return False
    return unpacker.eof
