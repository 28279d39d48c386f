"""The cells of a Jupyter notebook and what they put out, as text; pictures are named."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from longspan.errors import DocumentError
from longspan.spans.formats.blocks import Blocks
from longspan.spans.formats.encodings import plain
from longspan.spans.formats.extract import Extract
from longspan.spans.formats.html import html
from longspan.spans.formats.left_out import PICTURE, Kind, LeftOut
from longspan.spans.formats.reason import reason
from longspan.spans.places import Places

_WIDGET = Kind("output without text", "outputs without text", "run the notebook, and print what it shows")
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_HEADING = re.compile(r" {0,3}#{1,6}[ \t]+(.*?)[ \t#]*")
_TEXTS = ("text/plain", "text/markdown", "text/latex", "application/json", "text/csv")


def notebook(data: bytes, name: str) -> Extract:
    """Markdown and raw cells as they are, code with its number before it and its outputs behind."""
    left_out, blocks = LeftOut(), Blocks()
    notes: list[str] = []
    try:
        said = json.loads(plain(data, name).text)
        cells = (
            said["cells"]
            if "cells" in said
            else [cell for sheet in said["worksheets"] for cell in sheet["cells"]]
        )
        for cell in cells:
            for text, headings in _cell(cell, left_out, notes, name):
                blocks.add(text, headings=headings)
    except DocumentError:
        raise
    except Exception as error:  # a notebook may be broken in any way
        what = (
            f"{type(error).__name__}: {reason(error)}"
            if isinstance(error, KeyError | TypeError)
            else reason(error)
        )
        raise DocumentError(
            f"{name} cannot be read as a notebook ({what}); open and save it in Jupyter, or export it as Markdown"
        ) from error
    return Extract(
        text=blocks.text,
        places=Places(lines=(), headings=tuple(blocks.headings)),
        notes=(*left_out.notes(), *dict.fromkeys(notes)),
    )


def _cell(
    cell: dict[str, Any], left_out: LeftOut, notes: list[str], name: str
) -> Iterator[tuple[str, list[str]]]:
    kind = cell["cell_type"]
    source = _joined(cell.get("source", cell.get("input", "")))
    for attached in cell.get("attachments") or {}:
        left_out.add(PICTURE, attached)
    if kind == "heading":  # of format 3
        yield source, [source]
    elif kind == "code":
        number = cell.get("execution_count", cell.get("prompt_number"))
        if source.strip():
            yield f"In [{' ' if number is None else number}]:\n{source}", []
        for output in cell.get("outputs") or []:
            text = _output(output, left_out, notes, name)
            if text.strip():
                yield f"Out [{' ' if number is None else number}]:\n{text}", []
    else:
        yield from _sections(source)


def _sections(source: str) -> Iterator[tuple[str, list[str]]]:
    """Markdown cut before its headings, which do not stand in blocks of code."""
    part: list[str] = []
    headings: list[str] = []
    fenced = False
    for line in source.split("\n"):
        fenced ^= line.lstrip().startswith(("```", "~~~"))
        match = None if fenced else _HEADING.fullmatch(line)
        if match and match[1]:
            yield "\n".join(part), headings
            part, headings = [], [match[1]]
        part.append(line)
    yield "\n".join(part), headings


def _output(output: dict[str, Any], left_out: LeftOut, notes: list[str], name: str) -> str:
    kind = output.get("output_type")
    if kind == "stream":
        return _COLOURS.sub("", _joined(output.get("text", "")))
    if kind in ("error", "pyerr"):
        trace = _COLOURS.sub("", "\n".join(map(str, output.get("traceback") or [])))
        return trace or f"{output.get('ename', '')}: {output.get('evalue', '')}"
    forms = output.get("data") or {_OLD.get(key, key): said for key, said in output.items() if key in _OLD}
    pictures = [form for form in forms if form.startswith("image/")]
    text = next((_joined(forms[form]) for form in _TEXTS if form in forms), "")
    if "text/html" in forms and (pictures or not text or text.startswith("<")):
        page = _joined(forms["text/html"])
        if page.strip():
            found = html(b"\xef\xbb\xbf" + page.encode("utf-8", "replace"), name)
            notes += found.notes
            text = found.text or text
    if pictures:
        left_out.add(PICTURE)
        if text.startswith("<"):  # what Python says of an object, such as <Figure size 640x480>
            return ""
    elif not text.strip() and forms:
        left_out.add(_WIDGET, ", ".join(forms))
    return _COLOURS.sub("", text)


_OLD = {
    "text": "text/plain",
    "html": "text/html",
    "png": "image/png",
    "jpeg": "image/jpeg",
    "svg": "image/svg+xml",
} | {
    "latex": "text/latex",
    "json": "application/json",
}


def _joined(said: Any) -> str:
    """Text, or a list of lines of it, or a value of JSON."""
    if isinstance(said, str):
        return said
    if isinstance(said, list) and all(isinstance(line, str) for line in said):
        return "".join(said)
    return json.dumps(said, ensure_ascii=False)
