"""What is embedded in a story of a Word file: drawings, and files of other formats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from longspan.errors import DocumentError
from longspan.spans.formats.blocks import Blocks
from longspan.spans.formats.drawings import chart_lines, diagram_lines, drawn
from longspan.spans.formats.extract import Extract
from longspan.spans.formats.left_out import LINKED, OBJECT, PICTURE, Kind
from longspan.spans.formats.package import value
from longspan.spans.formats.word.reading import WordFile

_OLD_FORMULA = Kind(
    "formula of the old equation editor",
    "formulas of the old equation editor",
    "convert it in Word, and save",
)
_CHUNK = Kind(
    "embedded part", "embedded parts", "open and save the file in Word, which takes it into the text"
)


def boxes(reading: WordFile, part: str, drawing: Any, read: Callable[[Any], Blocks]) -> list[str]:
    """The texts in a drawing; ``read`` gives that of a text box. Pictures and objects are counted."""
    texts, relations = [], reading.package.relations(part)
    for kind, said in drawn(drawing):
        if kind == "box":
            texts.append(read(said).text)
        elif kind == "text":
            texts.append(said)
        elif kind == "picture":
            reading.left_out.add(PICTURE, said)
        elif kind == "object":
            reading.left_out.add(_OLD_FORMULA if said.startswith("Equation") else OBJECT, said)
        else:
            relation = relations.get(said or "")
            if relation is None or relation.outside or not reading.package.has(relation.target):
                reading.left_out.add(LINKED, kind)
            else:
                lines = chart_lines if kind == "chart" else diagram_lines
                texts.append("\n".join(lines(reading.package, relation.target)))
    return texts


def chunk(reading: WordFile, part: str, node: Any) -> Extract | None:
    """The text of a file that is a part of the text (w:altChunk); None, and counted, if it cannot be read."""
    relation = reading.package.relations(part).get(value(node, "id") or "")
    if relation is None or relation.outside or not reading.package.has(relation.target):
        reading.left_out.add(_CHUNK, relation.target if relation else "")
        return None
    try:
        found = reading.opened(reading.package.read(relation.target), relation.target)
    except DocumentError as error:
        reading.left_out.add(_CHUNK, str(error))
        return None
    for note in found.notes:
        reading.left_out.add(_CHUNK, f"{relation.target} {note}")
    return found
