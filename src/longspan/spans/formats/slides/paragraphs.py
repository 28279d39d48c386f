"""The paragraphs of a text on a slide, in a chart or in a shape on a sheet (DrawingML)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from longspan.spans.formats.left_out import SYMBOL, LeftOut
from longspan.spans.formats.line import Line, Look
from longspan.spans.formats.numerals import written
from longspan.spans.formats.package import child, local, number, value
from longspan.spans.formats.symbols import is_symbolic, replaced
from longspan.spans.formats.word.formulas import linear

_INVISIBLE = dict.fromkeys(map(ord, "\xad\u200b\ufeff")) | {0xA0: " ", 0x0A: " ", 0x0D: " ", 0x09: "\t"}
_PRIVATE = re.compile("[\uf000-\uf0ff]")
_NUMBERED = re.compile(
    r"(alphaLc|alphaUc|romanLc|romanUc|arabicDb|arabic|circleNum|ea1Chs|ea1Cht|ea1Jpn|thaiNum|thaiAlpha|hindi|hebrew2)"
    r"\w*?(Period|ParenBoth|ParenR|Minus|Plain)?"
)
_FORMS = {
    "alphaLc": "lowerLetter",
    "alphaUc": "upperLetter",
    "romanLc": "lowerRoman",
    "romanUc": "upperRoman",
    "arabicDb": "decimalFullWidth",
    "circleNum": "decimalEnclosedCircle",
    "ea1Chs": "chineseCounting",
    "ea1Cht": "taiwaneseCounting",
    "ea1Jpn": "japaneseCounting",
    "thaiNum": "thaiNumbers",
    "hindi": "hindiNumbers",
    "hebrew2": "hebrew2",
}
_AROUND = {"Period": "{}.", "ParenBoth": "({})", "ParenR": "{})", "Minus": "- {} -", "Plain": "{}"}


def paragraphs(body: Any, left_out: LeftOut) -> Iterator[str]:
    """Each paragraph of a text body, with its number if it has one."""
    counts: dict[int, tuple[str, int]] = {}
    styles = child(body, "lstStyle")
    for node in body:
        if local(node) == "p":
            text = _line(node, left_out)
            if text.strip():
                yield _label(node, styles, counts) + text


def _line(node: Any, left_out: LeftOut) -> str:
    line = Line()
    _add(node, line, left_out)
    return line.take()


def _add(node: Any, line: Line, left_out: LeftOut) -> None:
    for each in node:
        name = local(each)
        if name in ("r", "fld"):
            line.add(*_run(each, left_out))
        elif name == "br":
            line.add("\n")
        elif name in ("oMath", "oMathPara"):
            formulas = [each] if name == "oMath" else [one for one in each if local(one) == "oMath"]
            line.add_apart("\n".join(filter(None, map(linear, formulas))))
        elif name == "AlternateContent":
            options = [one for one in each if local(one) in ("Choice", "Fallback")]
            before = len(line)
            for option in options:
                _add(option, line, left_out)
                if len(line) != before:
                    break
        elif name not in ("pPr", "rPr", "endParaRPr"):
            _add(each, line, left_out)


def _run(node: Any, left_out: LeftOut) -> tuple[str, Look]:
    said, text = child(node, "rPr"), child(node, "t")
    words = ((text.text or "") if text is not None else "").translate(_INVISIBLE)
    fonts = {local(each): value(each, "typeface") or "" for each in (() if said is None else said)}
    font = next((font for name in ("sym", "latin") if is_symbolic(font := fonts.get(name, ""))), "")
    if font or _PRIVATE.search(words):
        unknown: list[str] = []
        words = replaced(words, font, unknown)
        for each in unknown:
            left_out.add(SYMBOL, each)
    if said is None:
        return words, Look()
    raised_by = said.get("baseline") or "0"
    script = "" if raised_by.strip("0%") == "" else "_" if raised_by.startswith("-") else "^"
    return words, Look(struck=(said.get("strike") or "noStrike") != "noStrike", script=script)


def _label(node: Any, styles: Any, counts: dict[int, tuple[str, int]]) -> str:
    """The number before a paragraph, as PowerPoint counts them."""
    properties = child(node, "pPr")
    level = min(max(number(properties, "lvl") or 0, 0), 8)
    for deeper in [each for each in counts if each > level]:
        del counts[deeper]
    style = child(styles, f"lvl{level + 1}pPr")
    kinds = ("buAutoNum", "buNone", "buChar", "buBlip")
    said = next(
        (
            each
            for source in (properties, style)
            if source is not None
            for each in source
            if local(each) in kinds
        ),
        None,
    )
    match = (
        _NUMBERED.fullmatch(said.get("type") or "")
        if said is not None and local(said) == "buAutoNum"
        else None
    )
    if match is None:
        counts.pop(level, None)
        return ""
    kind, first = match[0], number(said, "startAt") or 1
    before = counts.get(level)
    count = before[1] + 1 if before and before[0] == kind else first
    counts[level] = (kind, count)
    shown = written(count, _FORMS.get(match[1], "decimal")) or str(count)
    return _AROUND[match[2] or "Plain"].format(shown) + " "
