"""The XML of an OpenDocument file, out of its package or its one file, and its styles."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from longspan.errors import DocumentError
from longspan.spans.formats.line import Look
from longspan.spans.formats.package import Package, child, local, parsed, value

_LONGEST_CHAIN = 64
_MAX_FLAT = 1 << 26


class Source:
    """body: the element with the content. masters: the master pages. package: None for a file in one XML."""

    def __init__(self, data: bytes, name: str) -> None:
        self.package: Package | None = None
        if data.startswith(b"PK"):
            self.package = Package(data)
            self._refuse_encrypted(name)
            content = self.package.tree("content.xml")
            roots = [content]
            if self.package.has("styles.xml"):
                roots.insert(0, self.package.tree("styles.xml"))
        elif len(data) > _MAX_FLAT:
            raise ValueError(f"it has {len(data):,} bytes, more than {_MAX_FLAT:,}")
        else:
            content = parsed(data, name)
            roots = [content]
        body = child(content, "body")
        found = [each for each in (() if body is None else body) if local(each) in _BODIES]
        if not found:
            raise ValueError("it has no text, sheets, slides or drawing")
        self.body: Any = found[0]
        self.masters = [
            each for root in roots for part in root if local(part) == "master-styles" for each in part
        ]
        self.styles = Styles(roots)

    def part(self, href: str) -> Any:
        """The content of an object that a reference points to; None if it is not there."""
        name = posixpath.normpath(unquote(href)).lstrip("./")
        part = f"{name}/content.xml"
        return (
            self.package.tree(part) if self.package is not None and name and self.package.has(part) else None
        )

    def _refuse_encrypted(self, name: str) -> None:
        if self.package is None or not self.package.has("META-INF/manifest.xml"):
            return
        if (
            next(
                self.package.tree("META-INF/manifest.xml").iter("{*}encryption-data", "{*}encrypted-key"),
                None,
            )
            is not None
        ):
            raise DocumentError(f"{name} has a password; remove it in the program it is from")


_BODIES = ("text", "spreadsheet", "presentation", "drawing", "chart", "image")


class Styles:
    """What styles say, by family and name; those of a style that it builds on count where it says nothing."""

    def __init__(self, roots: list[Any]) -> None:
        self._nodes: dict[tuple[str, str], Any] = {}
        self.lists: dict[str, Any] = {}
        self.outline: Any = None
        self._looks: dict[tuple[str, str], Look] = {}
        for root in roots:
            for part in root:
                if local(part) in ("styles", "automatic-styles"):
                    for node in part:
                        self._add(node)

    def _add(self, node: Any) -> None:
        name = local(node)
        if name == "style":
            self._nodes[value(node, "family") or "", value(node, "name") or ""] = node
        elif name == "list-style":
            self.lists[value(node, "name") or ""] = node
        elif name == "outline-style":
            self.outline = node

    def _chain(self, family: str, name: str) -> Iterator[Any]:
        for _ in range(_LONGEST_CHAIN):
            node = self._nodes.get((family, name))
            if node is None:
                return
            yield node
            name = value(node, "parent-style-name") or ""

    def says(self, family: str, name: str, properties: str, attribute: str) -> str | None:
        """An attribute of some properties of a style."""
        for node in self._chain(family, name):
            found = value(child(node, properties), attribute)
            if found is not None:
                return found
        return None

    def master(self, family: str, name: str) -> str:
        return next(
            (said for node in self._chain(family, name) if (said := value(node, "master-page-name"))), ""
        )

    def look(self, family: str, name: str) -> Look:
        """How text of a style looks; family is text or paragraph."""
        key = (family, name)
        if key not in self._looks:
            line = self.says(family, name, "text-properties", "text-line-through-style")
            kind = self.says(family, name, "text-properties", "text-line-through-type")
            struck = ((line or "none") != "none" and kind != "none") or (
                line is None and (kind or "none") != "none"
            )
            hidden = self.says(family, name, "text-properties", "display") == "none"
            position = (self.says(family, name, "text-properties", "text-position") or "").split()
            raised = position[0] if position else ""
            script = "^" if raised == "super" else "_" if raised == "sub" or raised.startswith("-") else ""
            if not script and raised.rstrip("%") not in ("", "0"):
                script = "^"
            self._looks[key] = Look(hidden=hidden, struck=struck, script=script)
        return self._looks[key]
