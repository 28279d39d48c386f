"""The characters of a page as PDFium draws them."""

from __future__ import annotations

import ctypes
import math
import unicodedata
from dataclasses import dataclass
from typing import Any, NamedTuple

from longspan.spans.formats.symbols import symbol

UNKNOWN = "\ufffd"
_BLANKS = {9, 10, 13, 32, 0xA0}
_HYPHEN = 2  # what PDFium puts for a hyphen at the end of a line


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

    handle = text_page.raw
    get_code, get_box, unmapped = (
        fium.FPDFText_GetUnicode,
        fium.FPDFText_GetLooseCharBox,
        fium.FPDFText_HasUnicodeMapError,
    )
    box = fium.FS_RECTF()
    at_box, sides = ctypes.pointer(box), (ctypes.c_float * 4).from_buffer(box)
    glyphs: list[Glyph] = []
    line_end = blank = hyphen = False
    high, bottom, top = 0, math.nan, math.nan
    line = _Baseline(0.0, 0.0, 1.0, 0.0)
    base, size, angle, level = 0.0, 0.0, 0, True
    for index in range(text_page.count_chars()):
        code = get_code(handle, index)
        if code in _BLANKS:
            if code in (10, 13):
                line_end = True
            else:
                blank = True
            continue
        if 0xD800 <= code < 0xE000:
            if code < 0xDC00:
                high = code
                continue
            code = 0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00) if high else 0xFFFD
            high = 0
        is_unmapped = unmapped(handle, index) == 1
        if 32 < code < 0x7F and not is_unmapped:
            text, hyphen = chr(code), False
        elif code == _HYPHEN and fium.FPDFText_IsHyphen(handle, index) == 1:
            text, hyphen = "-", True
        else:
            text, hyphen = _character(code, is_unmapped, plain_type3), False
        if not text:
            continue
        get_box(handle, index, at_box)
        left, high_side, right, low_side = sides[:]
        if low_side != bottom or high_side != top:  # else it stands on the same line in the same font
            bottom, top = low_side, high_side
            line = _baseline(handle, index)
            base, size, angle = line.base, line.size, 0
            level = line.along > 0.999
            if not level:
                angle = round(math.degrees(math.atan2(line.up, line.along)))
        if not level:
            left, right = _ends(box, line)
        glyphs.append(Glyph(text, left, right, base, size, angle, line_end, blank))
        # PDFium leaves out the line end behind a hyphen.
        line_end, blank = hyphen, False
    return glyphs


class _Baseline(NamedTuple):
    """The line that a glyph stands on: its height, the size of its letters, and its direction."""

    base: float
    size: float
    along: float
    up: float


def _baseline(handle: Any, index: int) -> _Baseline:
    import pypdfium2.raw as fium

    x, y, matrix = ctypes.c_double(), ctypes.c_double(), fium.FS_MATRIX()
    fium.FPDFText_GetCharOrigin(handle, index, x, y)
    fium.FPDFText_GetMatrix(handle, index, matrix)
    scale = math.hypot(matrix.a, matrix.b) or 1.0
    along, up = matrix.a / scale, matrix.b / scale
    size = fium.FPDFText_GetFontSize(handle, index) * (math.hypot(matrix.c, matrix.d) or 1.0)
    base = y.value if along > 0.999 else y.value * along - x.value * up
    return _Baseline(round(base, 1), round(abs(size), 1), along, up)


def _ends(box: Any, line: _Baseline) -> tuple[float, float]:
    """Where a glyph begins and ends along a line that does not run to the right."""
    ends = [x * line.along + y * line.up for x in (box.left, box.right) for y in (box.bottom, box.top)]
    return min(ends), max(ends)


def _character(code: int, unmapped: bool, plain_type3: frozenset[int]) -> str:
    if unmapped:
        return chr(code) if code in plain_type3 else UNKNOWN
    if 32 < code < 0x7F:
        return chr(code)
    if 0xF000 <= code < 0xF100:
        return symbol(code, "") or UNKNOWN
    if code < 32 or 0x7F <= code < 0xA0 or code in (0xFFFE, 0xFFFF) or 0xE000 <= code < 0xF900:
        return UNKNOWN
    character = chr(code)
    if 0xFB00 <= code < 0xFB07:
        return unicodedata.normalize("NFKC", character)
    return "" if code in (0xAD, 0xFEFF, 0x200B) else character
