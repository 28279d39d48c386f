"""What the shapes of a slide, a master or a drawing on a sheet say, in their order."""

from __future__ import annotations

from typing import Any

from longspan.spans.formats.blocks import Blocks
from longspan.spans.formats.drawings import chart_lines, diagram_lines
from longspan.spans.formats.left_out import HIDDEN, LINKED, OBJECT, PICTURE, Kind, LeftOut
from longspan.spans.formats.package import Package, child, local, number, value
from longspan.spans.formats.slides.paragraphs import paragraphs

_MEDIA = Kind("film or sound", "films or sounds", "transcribe it first")
_TITLES = ("title", "ctrTitle")
_MAX_COLUMNS = 64


class Shapes:
    """Reads shapes of one part into blocks.

    placeholders: whether those that a layout or a master fills are read; on these themselves they only say what to
    enter. passed: kinds of placeholders that say nothing, such as the number of the page of notes.
    """

    def __init__(
        self,
        package: Package,
        part: str,
        left_out: LeftOut,
        *,
        placeholders: bool = True,
        passed: tuple[str, ...] = (),
    ) -> None:
        self._package, self._part, self._left_out = package, part, left_out
        self._placeholders, self._passed = placeholders, passed
        self.blocks = Blocks()
        self.title = ""

    def read(self, node: Any) -> None:
        """An element and all in it."""
        name = local(node)
        if name == "AlternateContent":
            self._alternative(node)
        elif name in ("sp", "pic", "grpSp", "graphicFrame", "cxnSp"):
            self._shape(node)
        elif name == "contentPart":
            self._left_out.add(PICTURE, "ink")
        elif name == "txBody":
            self._text(node, "")
        elif name == "txbxContent":  # of a shape that Word knows
            self.blocks.add("\n".join(paragraphs(node, self._left_out)))
        elif name == "tbl":
            self._table(node)
        elif name == "chart" and value(node, "id"):
            self._related(node, "id", "chart")
        elif name == "relIds":
            self._related(node, "dm", "diagram")
        elif name == "oleObj":
            self._left_out.add(OBJECT, value(node, "progId") or value(node, "name") or "")
        elif name == "control":
            self._left_out.add(OBJECT, value(node, "name") or "ActiveX")
        else:
            for each in node:
                self.read(each)

    def _shape(self, node: Any) -> None:
        properties = next((each for each in node if local(each).startswith("nv")), None)
        facts = child(properties, "cNvPr")
        if (value(facts, "hidden") or "0") in ("1", "true"):
            if words := " ".join("".join(each.text or "" for each in node.iter("{*}t")).split()):
                self._left_out.add(HIDDEN, words)
            return
        own = child(properties, "nvPr")
        placeholder = child(own, "ph")
        if placeholder is not None and not self._placeholders:
            return
        kind = (value(placeholder, "type") or "body") if placeholder is not None else ""
        if kind in self._passed:
            return
        media = next((each for each in (() if own is None else own) if local(each) in _MEDIA_TAGS), None)
        described = value(facts, "descr") or value(facts, "title") or ""
        if media is not None:
            self._left_out.add(_MEDIA, described or value(facts, "name") or "")
        elif local(node) == "pic" or any(
            local(each) == "blipFill" for part in node if local(part) == "spPr" for each in part
        ):
            self._left_out.add(PICTURE, described)
        for each in node:
            if local(each) == "txBody":
                self._text(each, kind)
            elif each is not properties and local(each) not in ("spPr", "grpSpPr", "style", "blipFill"):
                self.read(each)

    def _text(self, body: Any, kind: str) -> None:
        text = "\n".join(paragraphs(body, self._left_out))
        is_title = kind in _TITLES and text.strip() != ""
        if is_title and not self.title:
            self.title = " ".join(text.split())
        self.blocks.add(text, headings=[text] if is_title else ())

    def _alternative(self, node: Any) -> None:
        """The first choice that holds anything; else the form for older readers."""
        before = (len(self.blocks), len(self._left_out))
        for option in node:
            if local(option) in ("Choice", "Fallback"):
                for each in option:
                    self.read(each)
                if (len(self.blocks), len(self._left_out)) != before:
                    return

    def _table(self, table: Any) -> None:
        self.blocks.part()
        for row in (each for each in table if local(each) == "tr"):
            texts: list[str] = []
            for cell in (each for each in row if local(each) == "tc"):
                body = child(cell, "txBody")
                text = "" if body is None else " ".join(" ".join(paragraphs(body, self._left_out)).split())
                if (value(cell, "hMerge") or value(cell, "vMerge") or "0") in ("1", "true"):
                    if text:
                        self._left_out.add(HIDDEN, text)
                    text = ""
                texts.append(text)
                missing = (number(cell, "gridSpan") or 1) - 1
                if missing and not any((value(each, "hMerge") or "0") in ("1", "true") for each in row):
                    texts += [""] * min(max(missing, 0), _MAX_COLUMNS)
            self.blocks.add("\t".join(texts), line_ends=1)
        self.blocks.part()

    def _related(self, node: Any, name: str, kind: str) -> None:
        relation = self._package.relations(self._part).get(value(node, name) or "")
        if relation is None or relation.outside or not self._package.has(relation.target):
            self._left_out.add(LINKED, kind)
        elif kind == "chart":
            self.chart(relation.target)
        else:
            self.blocks.add("\n".join(diagram_lines(self._package, relation.target)))

    def chart(self, part: str) -> None:
        """The text of a chart, and of the shapes that are drawn on it."""
        self.blocks.add("\n".join(chart_lines(self._package, part)))
        for drawing in self._package.related(part, "chartUserShapes"):
            inside = Shapes(self._package, drawing, self._left_out)
            inside.read(self._package.tree(drawing))
            self.blocks.add(inside.blocks.text)


_MEDIA_TAGS = ("videoFile", "audioFile", "wavAudioFile", "quickTimeFile", "audioCd")
