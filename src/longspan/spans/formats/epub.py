"""The text of an EPUB book: its pages in reading order, each read as HTML."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import unquote, urldefrag

from longspan.errors import DocumentError
from longspan.spans.formats.extract import Extract
from longspan.spans.formats.html import html_apart
from longspan.spans.formats.left_out import Kind, LeftOut
from longspan.spans.formats.package import Package, child, inside, local, value
from longspan.spans.formats.reason import reason
from longspan.spans.places import Places

_OUTSIDE = Kind(
    "page outside the reading order", "pages outside the reading order", "save it as HTML and name it too"
)
_MISSING = Kind("page that is missing", "pages that are missing", "get a whole copy of the book")
_RENDITION = Kind(
    "other edition in the same file", "other editions in the same file", "take it out and name it too"
)
_PICTURE = Kind("page that is a picture", "pages that are pictures", "run OCR on it if it holds text")
_PAGES = (
    "application/xhtml+xml",
    "text/html",
    "text/x-oeb1-document",
    "application/x-dtbook+xml",
    "image/svg+xml",
)
_MAX_TEXT = 1 << 27
_FONTS_ONLY = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")


class _Item(NamedTuple):
    part: str
    media: str
    properties: str


def epub(data: bytes, name: str) -> Extract:
    """The pages of the book one after another; places are the headings in them."""
    try:
        return _Book(data, name).extract()
    except DocumentError:
        raise
    except Exception as error:  # a package may be broken in any way
        raise DocumentError(
            f"{name} cannot be read as EPUB ({reason(error)}); save it as HTML or docx, e.g. with ebook-convert"
        ) from error


class _Book:
    """A book while its pages are read."""

    def __init__(self, data: bytes, name: str) -> None:
        self._package, self._name, self._left_out = Package(data), name, LeftOut()
        self._refuse_encrypted()
        roots = [
            unquote(value(node, "full-path") or "")
            for node in self._package.tree("META-INF/container.xml").iter("{*}rootfile")
        ]
        there = [each for each in roots if self._package.has(each)]
        if not there:
            raise ValueError("the list of its pages is missing")
        for other in there[1:]:
            self._left_out.add(_RENDITION, other)
        self._folder, self._root = posixpath.dirname(there[0]), self._package.tree(there[0])
        self._items = {
            value(node, "id") or "": _Item(
                self._part(value(node, "href") or ""),
                value(node, "media-type") or "",
                value(node, "properties") or "",
            )
            for node in inside(self._root, "manifest")
            if local(node) == "item"
        }

    def extract(self) -> Extract:
        texts: list[str] = []
        headings: list[tuple[int, str]] = []
        notes: list[str] = []
        titles = dict(self._titles())
        length = 0
        read: set[str] = set()
        for part in self._spine():
            if part in read:
                continue
            read.add(part)
            found, left_out = html_apart(self._package.read(part), f"{self._name}/{part}")
            self._left_out.merge(left_out)
            notes += [f"{note} (in {part})" for note in found.notes]
            text = found.text.strip("\n")
            if not text:
                continue
            skipped = len(found.text) - len(found.text.lstrip("\n"))
            own = [(length + offset - skipped, said) for offset, said in found.places.headings]
            if part in titles and (not own or own[0][0] > length):
                own.insert(0, (length, titles[part]))
            headings += own
            texts.append(text)
            length += len(text) + 2
            if length > _MAX_TEXT:
                raise ValueError(f"it has more than {_MAX_TEXT:,} characters")
        for item in self._items.values():
            if item.media in _PAGES[:-1] and item.part not in read and "nav" not in item.properties.split():
                self._left_out.add(_OUTSIDE, item.part)
        return Extract(
            text="\n\n".join(texts),
            places=Places(lines=(), headings=tuple(headings)),
            notes=(*self._left_out.notes(), *dict.fromkeys(notes)),
        )

    def _spine(self) -> Iterator[str]:
        for node in inside(self._root, "spine"):
            if local(node) != "itemref":
                continue
            item = self._items.get(value(node, "idref") or "")
            if item is None or not self._package.has(item.part):
                self._left_out.add(_MISSING, item.part if item else value(node, "idref") or "")
            elif item.media in _PAGES:
                yield item.part
            else:
                self._left_out.add(_PICTURE, item.part)

    def _titles(self) -> Iterator[tuple[str, str]]:
        """What the table of contents calls each page, the first name of it."""
        known: set[str] = set()
        for item in self._items.values():
            is_contents = "nav" in item.properties.split() or item.media == "application/x-dtbncx+xml"
            if not is_contents or not self._package.has(item.part):
                continue
            for target, title in self._entries(item.part):
                part = posixpath.normpath(
                    posixpath.join(posixpath.dirname(item.part), unquote(urldefrag(target)[0]))
                )
                if title and part not in known:
                    known.add(part)
                    yield part, title

    def _entries(self, part: str) -> list[tuple[str, str]]:
        try:
            root = self._package.tree(part)
        except Exception:  # the pages themselves are what is read
            return []
        found = [(value(node, "href") or "", _words(node)) for node in root.iter("{*}a")]
        return found + [
            (value(child(node, "content"), "src") or "", _words(child(node, "navLabel")))
            for node in root.iter("{*}navPoint")
        ]

    def _part(self, href: str) -> str:
        return posixpath.normpath(posixpath.join(self._folder, unquote(urldefrag(href)[0])))

    def _refuse_encrypted(self) -> None:
        if self._package.has("META-INF/encryption.xml"):
            methods = [
                value(node, "Algorithm")
                for node in self._package.tree("META-INF/encryption.xml").iter("{*}EncryptionMethod")
                if local(node.getparent()) == "EncryptedData"
            ]
            if any(each not in _FONTS_ONLY for each in methods):
                raise DocumentError(
                    f"{self._name} is a book with copy protection, which is not read; get a copy without it"
                )


def _words(node: Any) -> str:
    return "" if node is None else " ".join("".join(node.itertext()).split())
