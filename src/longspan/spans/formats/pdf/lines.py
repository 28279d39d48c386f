"""From glyphs to lines of text: raised and lowered signs marked, accents set on their letters."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass

from longspan.spans.formats.marks import lowered, raised
from longspan.spans.formats.pdf.glyphs import Glyph

# Accents that stand for themselves, and those that Unicode sets on the letter before.
_ACCENTS = {
    "´": "\u0301", "¨": "\u0308", "ˆ": "\u0302", "˜": "\u0303", "¯": "\u0304", "˘": "\u0306", "˙": "\u0307",
    "˚": "\u030a", "ˇ": "\u030c", "˝": "\u030b", "`": "\u0300", "^": "\u0302", "~": "\u0303",
}  # fmt: skip
_BELOW = {"¸": "\u0327", "˛": "\u0328"}
_APART = {*_ACCENTS, *_BELOW}
_ONLY_IF_OVER = set("`^~")  # on a line of their own they are themselves
_DOTLESS = {"ı": "i", "ȷ": "j"}
_ELISION = re.compile(r"(?:^|[^\w])(?:[ldjmnstcLDJMNSTC]|[Qq]u)$")


@dataclass(slots=True)
class Line:
    """A line of a page: its words, from where to where they run, and the height on which they stand."""

    text: str
    left: float
    right: float
    base: float
    size: float
    angle: int


def read_lines(glyphs: list[Glyph]) -> list[Line]:
    """The lines in the order of the glyphs."""
    lines: list[list[Glyph]] = []
    line: list[Glyph] = []
    base = 0.0
    for glyph in glyphs:
        may_end = glyph.ends_line or glyph.base != base
        if not line or (may_end and not _goes_on(line, glyph)):
            line = []
            lines.append(line)
        line.append(glyph)
        base = glyph.base
    return [_line(each) for each in lines]


def _is_below(last: Glyph, glyph: Glyph) -> bool:
    """Whether a glyph stands on another line although PDFium, as behind a cell of one sign, says nothing of it."""
    return last.angle == glyph.angle and abs(glyph.base - last.base) > max(last.size, glyph.size)


def _goes_on(line: list[Glyph], glyph: Glyph) -> bool:
    """Whether only a raised or lowered sign, or the gap between two cells, lies between: the line is not at its end."""
    last = line[-1]
    if not glyph.ends_line:
        return not _is_below(last, glyph)
    gap, shift = glyph.left - last.right, abs(glyph.base - last.base)
    if last.angle != glyph.angle:
        return False
    if shift == 0 and last.size == glyph.size and gap >= -0.4 * glyph.size:
        return True
    largest = max(line, key=lambda each: each.size)
    size = max(largest.size, glyph.size)
    if not -0.4 * size <= gap <= 1.5 * size:
        return False
    if glyph.size > 1.1 * largest.size and len(line) > 4:  # more than the mark of a note, or an initial
        return False
    if shift == 0:
        return gap <= 0.5 * size
    if abs(glyph.base - largest.base) > 0.7 * size or glyph.size < 0.3 * size:
        return False
    return min(last.size, glyph.size) <= 0.85 * size or shift <= 0.45 * size


@dataclass(slots=True)
class _Run:
    """Glyphs of one line that stand at one height, and are struck out or not."""

    text: str
    level: int
    struck: bool
    blank: bool


def _line(glyphs: list[Glyph]) -> Line:
    left, right = min(glyph.left for glyph in glyphs), max(glyph.right for glyph in glyphs)
    first = glyphs[0]
    if _is_even(glyphs):
        text = "".join(f" {glyph.text}" if glyph.blank_before else glyph.text for glyph in glyphs).strip()
        return Line(text, left, right, first.base, first.size or 0.1, first.angle)
    size = _usual_size(glyphs)
    base = Counter(each.base for each in glyphs if each.size == size).most_common(1)[0][0]
    runs: list[_Run] = []
    last: Glyph | None = None
    for glyph in _accented(glyphs):
        blank = last is not None and (
            glyph.blank_before or (glyph.ends_line and glyph.left - last.right > 0.2 * size)
        )
        level = _level(glyph, base, size)
        moved = level and last is not None and (blank or glyph.base != last.base)
        if runs and (level, glyph.struck) == (runs[-1].level, runs[-1].struck) and not moved:
            runs[-1].text += f" {glyph.text}" if blank else glyph.text
        else:
            runs.append(_Run(glyph.text, level, glyph.struck, blank))
        last = glyph
    return Line(_joined(runs), left, right, base, size, first.angle)


def _is_even(glyphs: list[Glyph]) -> bool:
    """Whether nothing in a line is raised, lowered, struck or an accent, as in most lines."""
    base, size = glyphs[0].base, glyphs[0].size
    return not any(
        glyph.base != base or glyph.size != size or glyph.struck or glyph.text in _APART or glyph.ends_line
        for glyph in glyphs[1:]
    ) and not (glyphs[0].struck or glyphs[0].text in _APART)


def _usual_size(glyphs: list[Glyph]) -> float:
    """The size of the line: the largest one of more than a letter, for an initial is no measure."""
    sizes = Counter(glyph.size for glyph in glyphs)
    return (
        max((each for each, count in sizes.items() if count > 1 or len(glyphs) <= 4), default=max(sizes))
        or 0.1
    )


def _level(glyph: Glyph, base: float, size: float) -> int:
    """1 for what is raised, -1 for what is lowered, 0 for what stands on the line."""
    shift = (glyph.base - base) / size
    if glyph.size <= 0.85 * size:
        return 1 if shift > 0.08 else -1 if shift < -0.05 else 0
    if glyph.size > 1.1 * size:
        return 0  # an initial
    return (1 if shift > 0 else -1) if abs(shift) > 0.15 else 0


def _joined(runs: list[_Run]) -> str:
    out = ""
    struck = False
    for index, run in enumerate(runs):
        before = out[-1:] if not run.blank else ""
        if run.struck != struck:
            out, struck = (f"{out} ~~" if run.blank and run.struck else f"{out}~~"), run.struck
            run.blank = run.blank and not run.struck
        said = run.text
        follower = runs[index + 1] if index + 1 < len(runs) else None
        after = follower.text if follower is not None and not follower.blank else ""
        if run.level > 0 and len(said) <= 24 and len(runs) > 1:
            lower = runs[index + 2] if index + 2 < len(runs) else None
            if lower is not None and lower.level < 0 and runs[index + 1].text in ("/", "⁄"):
                said = f" {said}" if before.isdigit() else said
            else:
                said = raised(said, before, after)
        elif run.level < 0 and before not in ("/", "⁄") and len(runs) > 1 and len(said) <= 24:
            said = lowered(said, after)
        out += f" {said}" if run.blank else said
    return " ".join((f"{out}~~" if struck else out).split())


def _accented(glyphs: list[Glyph]) -> list[Glyph]:
    """The glyphs, where an accent that is drawn by itself has joined its letter."""
    out: list[Glyph] = []
    waiting: Glyph | None = None
    for index, glyph in enumerate(glyphs):
        if waiting is not None:
            whole = _composed(glyph.text, _ACCENTS[waiting.text])
            glyph.text, glyph.blank_before = whole or glyph.text, waiting.blank_before
            waiting = None
        rest = glyphs[index + 1 :]
        if glyph.text in _BELOW or (glyph.text in _ACCENTS and out and _over(glyph, out[-1])):
            whole = _composed(out[-1].text, _BELOW.get(glyph.text) or _ACCENTS[glyph.text]) if out else ""
            if whole:
                out[-1].text = whole
                continue
        if glyph.text in _ACCENTS and rest and _belongs(glyph, rest, out):
            waiting = glyph
            continue
        out.append(glyph)
    return out


def _belongs(accent: Glyph, rest: list[Glyph], before: list[Glyph]) -> bool:
    """Whether an accent is that of the letter behind it: drawn over it, or within a word and no apostrophe."""
    letter = rest[0]
    if not _composed(letter.text, _ACCENTS[accent.text]):
        return False
    if _over(accent, letter):
        return True
    if accent.text in _ONLY_IF_OVER or letter.blank_before or letter.ends_line:
        return False
    word = _spaced(rest[:4]).strip()
    ahead = _spaced(before[-4:])
    apostrophe = re.match(r"(?:s|t|m|d|re|ll|ve)(?!\w)", word) or _ELISION.search(ahead)
    return accent.text != "´" or (bool(ahead) and not apostrophe)


def _spaced(glyphs: list[Glyph]) -> str:
    return "".join(f" {each.text}" if each.blank_before or each.ends_line else each.text for each in glyphs)


def _over(accent: Glyph, letter: Glyph) -> bool:
    shared = min(accent.right, letter.right) - max(accent.left, letter.left)
    return accent.angle == letter.angle and shared > 0.4 * min(
        accent.right - accent.left, letter.right - letter.left
    )


def _composed(letter: str, mark: str) -> str:
    """Letter and mark as one character; nothing if there is none."""
    whole = unicodedata.normalize("NFC", _DOTLESS.get(letter, letter) + mark)
    return whole if len(whole) == 1 and letter.isalpha() else ""
