"""The characters of a page as PDFium draws them."""

from __future__ import annotations

import ctypes
import math
import unicodedata
from dataclasses import dataclass
from typing import Any

# Of the private characters that fonts of symbols use, those that word processors set as bullets and ticks.
_SYMBOLS = {0xF0B7: "•", 0xF0A7: "▪", 0xF0A8: "◆", 0xF0D8: "➢", 0xF0FC: "✓", 0xF0FE: "☒", 0xF06F: "□", 0xF0E0: "→"}
UNKNOWN = "\ufffd"
_CONTROLS = {9, 10, 13, 32}


@dataclass(slots=True)
class Glyph:
    """A character and where it is drawn, in points, seen so that its line runs to the right.

    left, right, base: along the line from where to where, and the height of the line it stands on. ends_line: a line
    text that OCR lays over a scan.
    """

    text: str
    left: float
    right: float
    base: float
    size: float
    angle: int
    ends_line: bool
    blank_before: bool
    struck: bool = False


def read_glyphs(page: Any, text_page: Any, plain_type3: frozenset[int]) -> list[Glyph]:
    """The glyphs of a page in reading order as PDFium has it; blanks and line ends become marks on what follows.

    plain_type3: the codes that stand for their own ASCII character in all drawn fonts of the page.
    """
    import pypdfium2.raw as fium

    x, y, box, matrix = ctypes.c_double(), ctypes.c_double(), fium.FS_RECTF(), fium.FS_MATRIX()
    glyphs: list[Glyph] = []
    line_end = blank = False
    high = 0
    for index in range(text_page.count_chars()):
        code = fium.FPDFText_GetUnicode(text_page, index)
        if 0xD800 <= code < 0xDC00:
            high = code
            continue
        if 0xDC00 <= code < 0xE000 and high:
            code, high = 0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00), 0
        if fium.FPDFText_IsGenerated(text_page, index) == 1 or code in _CONTROLS or code == 0xA0:
            line_end = line_end or code in (10, 13)
            blank = blank or code not in (10, 13)
            continue
        text = _character(text_page, index, code, plain_type3)
        if not text:
            continue
        fium.FPDFText_GetCharOrigin(text_page, index, x, y)
        fium.FPDFText_GetLooseCharBox(text_page, index, box)
        fium.FPDFText_GetMatrix(text_page, index, matrix)
        scale = math.hypot(matrix.a, matrix.b) or 1.0
        along, up = matrix.a / scale, matrix.b / scale
        size = fium.FPDFText_GetFontSize(text_page, index) * (math.hypot(matrix.c, matrix.d) or 1.0)
        if along > 0.999:
            left, right, base, angle = box.left, box.right, y.value, 0
        else:
            ends = [px * along + py * up for px in (box.left, box.right) for py in (box.bottom, box.top)]
            left, right = min(ends), max(ends)
            base = y.value * along - x.value * up
            angle = round(math.degrees(math.atan2(up, along)))
        glyphs.append(Glyph(text, left, right, base, abs(size), angle, line_end, blank))
        line_end = blank = False
    return glyphs


def _character(text_page: Any, index: int, code: int, plain_type3: frozenset[int]) -> str:
    import pypdfium2.raw as fium

    if code in _SYMBOLS:
        return _SYMBOLS[code]
    if fium.FPDFText_IsHyphen(text_page, index) == 1:
        return "-"
    if fium.FPDFText_HasUnicodeMapError(text_page, index) == 1:
        return chr(code) if code in plain_type3 else UNKNOWN
    if code < 32 or 0x7F <= code < 0xA0 or code in (0xFFFE, 0xFFFF) or 0xE000 <= code < 0xF900:
        return UNKNOWN
    character = chr(code)
    if 0xFB00 <= code < 0xFB07:
        return unicodedata.normalize("NFKC", character)
    return "" if code in (0xAD, 0xFEFF, 0x200B) else character
