"""An office file as a package of XML parts. It is untrusted: sizes are bounded, entities and the network refused."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import Any, NamedTuple
from urllib.parse import unquote

_MAX_BYTES = 1 << 30
_MAX_STREAMED = 1 << 28  # bytes of a part that is read element by element
_MAX_WHOLE = 1 << 26  # and of one that is in memory as a whole
_MAX_PACKED = 150  # times smaller than its content, for a part beyond the next line's bytes
_MIN_PACKED = 1 << 26
_MAX_READ = 1 << 31  # bytes of parts that are read, each time that they are
_WORDS = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


class Relation(NamedTuple):
    """What a part points to: a kind, such as footnotes, and another part, or a place outside."""

    kind: str
    target: str
    outside: bool


class Package:
    """The parts of a package by name, whatever the case of the name; the first of two alike."""

    def __init__(self, data: bytes) -> None:
        self._zip = zipfile.ZipFile(BytesIO(data))
        self._parts: dict[str, zipfile.ZipInfo] = {}
        for info in self._zip.infolist():
            self._parts.setdefault(info.filename.replace("\\", "/").lstrip("/").lower(), info)
        size = sum(info.file_size for info in self._parts.values())
        if size > _MAX_BYTES:
            raise ValueError(f"it unpacks to {size:,} bytes, more than {_MAX_BYTES:,}")
        self._relations: dict[str, dict[str, Relation]] = {}
        self._read = 0

    def has(self, part: str) -> bool:
        return part.lower() in self._parts

    def main(self) -> str:
        """The name of the part with the text."""
        for relation in self.relations("").values():
            if relation.kind == "officeDocument" and self.has(relation.target):
                return relation.target
        raise ValueError("its main part is missing")

    def relations(self, part: str) -> dict[str, Relation]:
        """What the part points to, by the ids that its XML uses."""
        if part not in self._relations:
            folder, name = posixpath.split(part)
            listing = posixpath.join(folder, "_rels", f"{name}.rels")
            found = {}
            if self.has(listing):
                for node in self.tree(listing):
                    target, outside = node.get("Target") or "", node.get("TargetMode") == "External"
                    if not outside:
                        target = posixpath.normpath(posixpath.join("/", folder, unquote(target))).lstrip("/")
                    kind = (node.get("Type") or "").rpartition("/")[2]
                    found[node.get("Id") or ""] = Relation(kind, target, outside)
            self._relations[part] = found
        return self._relations[part]

    def related(self, part: str, kind: str) -> list[str]:
        """The parts of a kind that a part points to and that are there."""
        found = [
            each.target for each in self.relations(part).values() if each.kind == kind and not each.outside
        ]
        return [target for target in dict.fromkeys(found) if self.has(target)]

    def read(self, part: str) -> bytes:
        return self._zip.read(self._checked(part, _MAX_WHOLE))

    def _checked(self, part: str, limit: int) -> zipfile.ZipInfo:
        info = self._parts.get(part.lower())
        if info is None:
            raise ValueError(f"its part {part} is missing")
        if info.file_size > limit:
            raise ValueError(f"its part {part} has {info.file_size:,} bytes, more than {limit:,}")
        if info.file_size > max(_MIN_PACKED, _MAX_PACKED * info.compress_size):
            raise ValueError(f"its part {part} unpacks to more than {_MAX_PACKED} times its size")
        self._read += info.file_size
        if self._read > _MAX_READ:
            raise ValueError("it points to the same parts over and over")
        return info

    def tree(self, part: str) -> Any:
        """The root element of a part."""
        return parsed(self.read(part), part)

    def children(self, part: str, container: str) -> Iterator[Any]:
        """The elements in the container of that local name, one after another; each is gone when the next comes."""
        from lxml import etree

        inside: Any = None
        with self._zip.open(self._checked(part, _MAX_STREAMED)) as stream:
            for event, node in etree.iterparse(stream, events=("start", "end"), **_SAFE):
                if event == "start":
                    if node.getparent() is None:
                        _refuse_entities(node, part)
                    if inside is None and local(node) == container:
                        inside = node
                elif node is inside:
                    inside = False
                elif inside is not None and node.getparent() is inside:
                    yield node
                    node.clear()
                    while (before := node.getprevious()) is not None:
                        inside.remove(before)

    def stream(self, part: str) -> Iterator[tuple[str, Any]]:
        """Each child of the root, after its own children, with the name of what it stands in; gone when the next comes.

        So rows come one by one, and a part may be larger than what is held in memory as a whole.
        """
        from lxml import etree

        depth = 0
        with self._zip.open(self._checked(part, _MAX_STREAMED)) as stream:
            for event, node in etree.iterparse(stream, events=("start", "end"), **_SAFE):
                if event == "start":
                    if depth == 0:
                        _refuse_entities(node, part)
                    depth += 1
                    continue
                depth -= 1
                if depth in (1, 2):
                    around = node.getparent()
                    yield local(around), node
                    node.clear()
                    while (before := node.getprevious()) is not None:
                        around.remove(before)


def parsed(data: bytes, part: str) -> Any:
    """The root element of some XML; ``part`` is what errors call it."""
    from lxml import etree

    root = etree.fromstring(data, etree.XMLParser(**_SAFE))
    _refuse_entities(root, part)
    return root


_SAFE: dict[str, Any] = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "remove_comments": True,
    "remove_pis": True,
}


def _refuse_entities(root: Any, part: str) -> None:
    declared = root.getroottree().docinfo.internalDTD
    if declared is not None and next(iter(declared.iterentities()), None) is not None:
        raise ValueError(f"its part {part} declares entities, as no program that writes such files does")


def local(node: Any) -> str:
    """The name of an element without its namespace; local names tell, since there are two sets of namespaces."""
    tag = node.tag
    return tag[tag.find("}") + 1 :] if isinstance(tag, str) else ""


def child(node: Any, name: str) -> Any:
    """The first child of that local name; None if there is none, or no node."""
    return None if node is None else next((each for each in node if local(each) == name), None)


def inside(node: Any, name: str) -> list[Any]:
    """The children of the first child of that local name."""
    found = child(node, name)
    return [] if found is None else list(found)


def value(node: Any, name: str = "val") -> str | None:
    """An attribute by its local name."""
    if node is None:
        return None
    found: str | None = node.get(_WORDS + name)
    if found is None:
        for key, said in node.items():
            if key[key.find("}") + 1 :] == name:
                return str(said)
    return found


def number(node: Any, name: str = "val") -> int | None:
    """An attribute as a whole number; None if it is missing or no such number."""
    said = (value(node, name) or "").strip()
    digits = said.lstrip("+-")
    return int(said) if digits.isascii() and digits.isdigit() and len(digits) < 10 else None


def switched_on(node: Any) -> bool:
    """Whether a property that is on or off is on: it is if it is there and not denied."""
    return node is not None and (value(node) or "true").lower() not in ("0", "false", "off", "none")
