"""What is drawn on a page besides text: lines that strike words out, and pictures that cover it."""

from __future__ import annotations

import ctypes
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any

from longspan.spans.formats.pdf.glyphs import Glyph

_MAX_OBJECTS = 20_000  # objects looked at; a page of more is a drawing
_Box = tuple[float, float, float, float]


@dataclass(kw_only=True)
class Drawing:
    """strokes: thin level lines, as left, bottom, right, top. covered: the share of the page that pictures cover.
    shapeless_text: whether some text has height and no width, which PDFium leaves out."""

    strokes: list[_Box] = field(default_factory=list)
    covered: float = 0.0
    invisible_text: bool = False
    shapeless_text: bool = False


def read_drawing(page: Any) -> Drawing:
    """What stands on the page beside its text."""
    import pypdfium2.raw as fium

    drawing = Drawing()
    width, height = page.get_size()
    pictures = 0.0
    for index in range(min(fium.FPDFPage_CountObjects(page), _MAX_OBJECTS)):
        item = fium.FPDFPage_GetObject(page, index)
        kind = fium.FPDFPageObj_GetType(item)
        if kind == fium.FPDF_PAGEOBJ_TEXT:
            invisible = fium.FPDFTextObj_GetTextRenderMode(item) == fium.FPDF_TEXTRENDERMODE_INVISIBLE
            drawing.invisible_text = drawing.invisible_text or invisible
            left, bottom, right, top = _bounds(item)
            drawing.shapeless_text = drawing.shapeless_text or right - left < 0.01 < top - bottom
            continue
        if kind == fium.FPDF_PAGEOBJ_FORM and not _holds_picture(item, 0):
            drawing.invisible_text = drawing.invisible_text or _holds_invisible(item)
            continue
        left, bottom, right, top = _bounds(item)
        if kind in (fium.FPDF_PAGEOBJ_IMAGE, fium.FPDF_PAGEOBJ_FORM):
            pictures += max(0.0, min(right, width) - max(left, 0.0)) * max(
                0.0, min(top, height) - max(bottom, 0.0)
            )
        elif kind == fium.FPDF_PAGEOBJ_PATH and top - bottom <= 2.5 and right - left >= 2:
            drawing.strokes.append((left, bottom, right, top))
    drawing.covered = pictures / (width * height) if width * height else 0.0
    return drawing


def _bounds(item: Any) -> _Box:
    import pypdfium2.raw as fium

    numbers = [ctypes.c_float() for _ in range(4)]
    if not fium.FPDFPageObj_GetBounds(item, *numbers):
        return 0.0, 0.0, 0.0, 0.0
    left, bottom, right, top = (number.value for number in numbers)
    return left, bottom, right, top


def _parts(form: Any) -> list[Any]:
    import pypdfium2.raw as fium

    return [
        fium.FPDFFormObj_GetObject(form, each)
        for each in range(min(fium.FPDFFormObj_CountObjects(form), 200))
    ]


def _holds_picture(form: Any, depth: int) -> bool:
    import pypdfium2.raw as fium

    kinds = [(fium.FPDFPageObj_GetType(part), part) for part in _parts(form)]
    if any(kind == fium.FPDF_PAGEOBJ_IMAGE for kind, _ in kinds):
        return True
    forms = [part for kind, part in kinds if kind == fium.FPDF_PAGEOBJ_FORM][:20]
    return depth < 3 and any(_holds_picture(part, depth + 1) for part in forms)


def _holds_invisible(form: Any) -> bool:
    import pypdfium2.raw as fium

    return any(
        fium.FPDFPageObj_GetType(part) == fium.FPDF_PAGEOBJ_TEXT
        and fium.FPDFTextObj_GetTextRenderMode(part) == fium.FPDF_TEXTRENDERMODE_INVISIBLE
        for part in _parts(form)
    )


def strike(glyphs: list[Glyph], strokes: list[_Box]) -> None:
    """Mark the glyphs that a line crosses at half the height of small letters."""
    heights = sorted(((box[1] + box[3]) / 2, box[0], box[2]) for box in strokes)
    for glyph in glyphs if heights else ():
        first = bisect_left(heights, (glyph.base + 0.15 * glyph.size,))
        middle = (glyph.left + glyph.right) / 2
        for height, left, right in heights[first : first + 200]:
            if height > glyph.base + 0.45 * glyph.size:
                break
            glyph.struck = glyph.struck or (left <= middle <= right and not glyph.angle)
