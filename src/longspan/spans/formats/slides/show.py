"""The slides of a file in their order, and what hangs on each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from longspan.spans.formats.extract import Extract
from longspan.spans.formats.left_out import MACROS, Kind, LeftOut
from longspan.spans.formats.package import Package, child, inside, local, value
from longspan.spans.formats.paged import Paged
from longspan.spans.formats.slides.paragraphs import paragraphs
from longspan.spans.formats.slides.shapes import Shapes

_HIDDEN = Kind("hidden slide", "hidden slides", "unhide it to have it read")
_MISSING = Kind("slide that is missing", "slides that are missing", "get a whole copy of the file")
_ON_NOTES = ("sldNum", "sldImg", "dt", "hdr", "ftr")


class Show:
    """A file while its slides are read."""

    def __init__(self, data: bytes) -> None:
        self._package, self._left_out = Package(data), LeftOut()
        self._main = self._package.main()
        self._authors = dict(self._names_of_authors())
        self._shown: set[str] = set()  # layouts and masters that were read

    def extract(self) -> Extract:
        pages = Paged("slide")
        for number, part in enumerate(self._slides(), start=1):
            root = self._package.tree(part) if part else None
            if root is None:
                self._left_out.add(_MISSING, f"slide {number}")
                pages.add("")
                continue
            slide = Shapes(self._package, part, self._left_out)
            if (value(root, "show") or "1") in ("0", "false"):
                slide = Shapes(self._package, part, LeftOut())
                slide.read(child(root, "cSld"))
                self._left_out.add(_HIDDEN, f"slide {number}" + (f": {slide.title}" if slide.title else ""))
                pages.add("", slide.title)
                continue
            slide.read(child(root, "cSld"))
            blocks = slide.blocks
            for text in (*self._behind(part, root), *self._notes(part), *self._comments(part)):
                blocks.add(text)
            pages.add(blocks.text, slide.title, headings=blocks.headings)
        if self._package.related(self._main, "vbaProject"):
            self._left_out.add(MACROS)
        return Extract(text=pages.text, places=pages.places, notes=self._left_out.notes())

    def _slides(self) -> Iterator[str]:
        """The part of each slide; empty where it is missing."""
        relations, seen = self._package.relations(self._main), set()
        for node in inside(self._package.tree(self._main), "sldIdLst"):
            relation = relations.get(_relation(node))
            there = relation is not None and not relation.outside and self._package.has(relation.target)
            part = relation.target if there and relation is not None else ""
            if part not in seen:
                yield part
            seen.add(part)

    def _behind(self, slide: str, root: Any) -> Iterator[str]:
        """What the layout and the master show on every slide, on the first one that shows it."""
        part, shows = slide, (value(root, "showMasterSp") or "1") not in ("0", "false")
        for kind in ("slideLayout", "slideMaster"):
            part = next(iter(self._package.related(part, kind)), "")
            if not part or not shows:
                return
            tree = self._package.tree(part)
            if part not in self._shown:
                self._shown.add(part)
                shapes = Shapes(self._package, part, self._left_out, placeholders=False)
                shapes.read(child(tree, "cSld"))
                yield shapes.blocks.text
            shows = (value(tree, "showMasterSp") or "1") not in ("0", "false")

    def _notes(self, slide: str) -> Iterator[str]:
        for part in self._package.related(slide, "notesSlide"):
            shapes = Shapes(self._package, part, self._left_out, passed=_ON_NOTES)
            shapes.read(child(self._package.tree(part), "cSld"))
            if text := shapes.blocks.text:
                yield f"Notes: {text}"

    def _comments(self, slide: str) -> Iterator[str]:
        """Each comment with its author and date, and the answers to it."""
        for part in self._package.related(slide, "comments"):
            for node in self._package.tree(part).iter("{*}cm", "{*}reply"):
                plain, body = child(node, "text"), child(node, "txBody")
                said = [(plain.text or "")] if plain is not None else []
                said += [] if body is None else paragraphs(body, self._left_out)
                author = self._authors.get(value(node, "authorId") or "", "")
                date = (value(node, "dt") or value(node, "created") or "")[:10]
                who = " ".join(filter(None, (author, f"({date})" if date else "")))
                head = "a reply" if local(node) == "reply" else "comment"
                if text := "\n".join(said).strip():
                    yield f"[{head}] {who}: {text}" if who else f"[{head}] {text}"

    def _names_of_authors(self) -> Iterator[tuple[str, str]]:
        for kind in ("commentAuthors", "authors"):
            for part in self._package.related(self._main, kind):
                for node in self._package.tree(part):
                    yield value(node, "id") or "", value(node, "name") or ""


def _relation(node: Any) -> str:
    """The id of a relation, which stands beside another id without a namespace."""
    return next((said for key, said in node.items() if key.endswith("}id")), "")
