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
_TERMINAL = re.compile(r"\x1b(?:\[[0-?]{0,64}[ -/]{0,8}[@-~]|\][^\x07\x1b]{0,4096}(?:\x07|\x1b\\))")
_MOVES = re.compile("([\r\b])")
_PICTURE_DATA = re.compile(r"(data:image/[\w.+-]{1,40})(?:;[\w=.-]{1,40}){0,4};base64,[A-Za-z0-9+/=%]*")
_SOURCES = ("source", "input", "code", "text")  # of formats 4, 3 and 1
_HEADING = re.compile(r" {0,3}#{1,6}[ \t]+(.*?)[ \t#]*")
_TEXTS = ("text/plain", "text/markdown", "text/latex", "application/json", "text/csv")


def notebook(data: bytes, name: str) -> Extract:
    """Markdown and raw cells as they are, code with its number before it and its outputs behind."""
    left_out, blocks = LeftOut(), Blocks()
    notes: list[str] = []
    try:
        for cell in _cells(json.loads(plain(data, name).text)):
            for text, headings in _cell(cell, left_out, notes, name):
                blocks.add(text, headings=headings)
    except DocumentError:
        raise
    except Exception as error:  # a notebook may be broken in any way
        unlike = isinstance(error, KeyError | TypeError | AttributeError)
        what = "it has not the parts of one" if unlike else reason(error)
        raise DocumentError(
            f"{name} cannot be read as a notebook ({what}); open and save it in Jupyter, or export it as Markdown"
        ) from error
    return Extract(
        text=blocks.text,
        places=Places(lines=(), headings=tuple(blocks.headings)),
        notes=(*left_out.notes(), *dict.fromkeys(notes)),
    )


def _cells(said: Any) -> list[dict[str, Any]]:
    if "cells" in said:
        return list(said["cells"])
    return [cell for sheet in said["worksheets"] for cell in sheet["cells"]]  # of formats 2 and 3


def _cell(
    cell: dict[str, Any], left_out: LeftOut, notes: list[str], name: str
) -> Iterator[tuple[str, list[str]]]:
    kind = cell["cell_type"]
    source = _joined(next((cell[key] for key in _SOURCES if key in cell), ""))
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
        yield from _sections(_PICTURE_DATA.sub(lambda found: _named(found[1], left_out), source))


def _named(picture: str, left_out: LeftOut) -> str:
    left_out.add(PICTURE)
    return picture


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
        return _printed(_joined(output.get("text", "")))
    if kind in ("error", "pyerr"):
        trace = _printed("\n".join(map(str, output.get("traceback") or [])))
        return trace or f"{output.get('ename', '')}: {output.get('evalue', '')}"
    forms = output.get("data") or {_OLD.get(key, key): said for key, said in output.items() if key in _OLD}
    pictures = [form for form in forms if form.startswith("image/")]
    text = _richest(forms, notes, name)
    if pictures:
        left_out.add(PICTURE)
        if text.startswith("<"):  # what Python says of an object, such as <Figure size 640x480>
            return ""
    elif not text.strip() and forms:
        left_out.add(_WIDGET, ", ".join(forms))
    return _printed(text)


def _richest(forms: dict[str, Any], notes: list[str], name: str) -> str:
    """The plain form of an output; another if it has words that the plain one has not, or if that names an object."""
    said = {form: _joined(forms[form]) for form in _TEXTS if form in forms}
    plain_form = said.get("text/plain", "")
    names_object = plain_form.lstrip().startswith("<")
    if page := _joined(forms.get("text/html", "")).strip():
        found = html(b"\xef\xbb\xbf" + page.encode("utf-8", "replace"), name)
        notes += found.notes
        said["text/html"] = found.text
    for form in ("text/html", "text/markdown"):
        more = said.get(form, "")
        if more.strip() and (names_object or _words(more) - _words(plain_form)):
            return more
    others = [text for form, text in said.items() if form != "text/plain" and text.strip()]
    return others[0] if others and (names_object or not plain_form.strip()) else plain_form


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))


def _printed(text: str) -> str:
    """What a terminal shows of it in the end: without colours, and with what was written over as it is then."""
    return "\n".join(map(_line, _TERMINAL.sub("", text).replace("\r\n", "\n").split("\n")))


def _line(line: str) -> str:
    if "\r" not in line and "\b" not in line:
        return line
    shown: list[str] = []
    at = 0
    for piece in _MOVES.split(line):
        if piece == "\r":
            at = 0
        elif piece == "\b":
            at = max(0, at - 1)
        else:
            shown[at : at + len(piece)] = piece
            at += len(piece)
    return "".join(shown)


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
