"""Looks into the objects of a PDF file that find something or nothing, however damaged the file is."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import Any

_DEEPEST = 64


def inner(value: Any) -> Any:
    """The object behind a reference."""
    return value.get_object() if hasattr(value, "get_object") else value


def entry(dictionary: Any, *keys: str) -> Any:
    """What stands under the keys, one within the other; None if any of them is missing or is no dictionary."""
    from pypdf.generic import DictionaryObject, NullObject

    found = inner(dictionary)
    for key in keys:
        if not isinstance(found, DictionaryObject):
            return None
        found = inner(found.raw_get(key)) if key in found else None
    return None if isinstance(found, NullObject) else found


def items(value: Any) -> list[Any]:
    """The objects in an array; none if it is no array."""
    from pypdf.generic import ArrayObject

    found = inner(value)
    return [inner(each) for each in found] if isinstance(found, ArrayObject) else []


def inherited(dictionary: Any, key: str) -> Any:
    """What a field has under a key, or else the nearest field above it that has it."""
    here = inner(dictionary)
    for _ in range(_DEEPEST):
        if here is None:
            return None
        found = entry(here, key)
        if found is not None:
            return found
        here = entry(here, "/Parent")
    return None


def ancestors(dictionary: Any) -> Iterator[Any]:
    """A field and those above it."""
    here = inner(dictionary)
    for _ in range(_DEEPEST):
        if here is None:
            return
        yield here
        here = entry(here, "/Parent")


def string(value: Any) -> str:
    """Text, from a string or from a stream; line ends are ``\\n``."""
    from pypdf.generic import ByteStringObject, StreamObject

    found = inner(value)
    if isinstance(found, StreamObject):
        found = found.get_data()
    if isinstance(found, ByteStringObject | bytes):
        data = bytes(found)
        wide = data.startswith((codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE))
        found = data.decode("utf-16" if wide else "utf-8", "replace")
    return str(found).replace("\r\n", "\n").replace("\r", "\n").strip() if found is not None else ""


def box(value: Any) -> tuple[float, float, float, float]:
    """left, bottom, right, top."""
    numbers = [float(each) for each in items(value) if isinstance(each, int | float)]
    if len(numbers) != 4:
        return 0.0, 0.0, 0.0, 0.0
    one, two, three, four = numbers
    return min(one, three), min(two, four), max(one, three), max(two, four)


def parsed(source: str) -> Any:
    """The root of XML that may be broken; None if there is none. Nothing outside it is looked up."""
    from lxml import etree

    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, huge_tree=False)
    return etree.fromstring(source.encode(), parser) if source else None


def plain(rich: str) -> str:
    """The words of rich text."""
    root = parsed(rich)
    return "" if root is None else " ".join(" ".join(root.itertext()).split())
