"""What people wrote on a page or marked in it."""

from __future__ import annotations

from typing import Any

from longspan.spans.formats.left_out import Kind, LeftOut
from longspan.spans.formats.pdf.glyphs import Glyph
from longspan.spans.formats.pdf.objects import entry, items, plain, string

# Links lead elsewhere, pop-ups repeat the note that they belong to, and widgets are fields of a form.
_NOT_READ = {"/Link", "/Popup", "/Widget", "/PrinterMark", "/TrapNet"}
_TEXT_OF_PAGE = ("/FreeText", "/Watermark")
_MARKS = {
    "/StrikeOut": "struck out",
    "/Highlight": "highlighted",
    "/Underline": "underlined",
    "/Squiggly": "underlined",
}
_HIDDEN = 1 << 1 | 1 << 5
_MEDIA = {
    "/Sound": Kind("sound", "sounds", "transcribe it"),
    "/Movie": Kind("film", "films", "transcribe it"),
    "/Screen": Kind("film", "films", "transcribe it"),
    "/RichMedia": Kind("film", "films", "transcribe it"),
    "/3D": Kind("model in 3D", "models in 3D", "describe it in a file"),
}
_UNSEEN = Kind("hidden note", "hidden notes", "show it in a viewer and save the file to have it read")


def remarks(page: Any, glyphs: list[Glyph], appearance: Any, left_out: LeftOut) -> list[str]:
    """A line for each annotation; those that are no text are added to what is left out."""
    lines = []
    for note in items(entry(page, "/Annots")):
        kind = str(entry(note, "/Subtype"))
        if kind in _MEDIA:
            left_out.add(_MEDIA[kind])
        if kind in _NOT_READ or kind in _MEDIA:
            continue
        flags = entry(note, "/F")
        said = " ".join(string(entry(note, "/Contents")).split()) or plain(string(entry(note, "/RC")))
        drawn = " ".join(appearance(entry(note, "/AP", "/N")).split())
        if not said or (kind in ("/Stamp", *_TEXT_OF_PAGE) and drawn and drawn not in said):
            said = f"{said} ({drawn})" if said and drawn else said or drawn
        if kind == "/Stamp" and not said:
            said = string(entry(note, "/Name")).removeprefix("/")
        if isinstance(flags, int) and flags & _HIDDEN:
            if said:
                left_out.add(_UNSEEN, said)
            continue
        if kind in _MARKS:
            marked = _under(glyphs, entry(note, "/QuadPoints"))
            if not said and kind != "/StrikeOut":
                continue
            said = f"{_MARKS[kind]}: “{marked}”" + (f"; {said}" if said else "")
        if said:
            who = string(entry(note, "/T"))
            answer = "answer" if entry(note, "/IRT") is not None else "note"
            lines.append(
                said
                if kind in _TEXT_OF_PAGE
                else f"[{answer} by {who}: {said}]"
                if who
                else f"[{answer}: {said}]"
            )
    return lines


def _under(glyphs: list[Glyph], quads: Any) -> str:
    """The words that a marker runs over."""
    numbers = [float(each) for each in items(quads) if isinstance(each, int | float)]
    said = []
    for first in range(0, min(len(numbers), 4_000) - 7, 8):
        across, up = numbers[first : first + 8 : 2], numbers[first + 1 : first + 8 : 2]
        said += [
            f" {glyph.text}" if glyph.blank_before or glyph.ends_line else glyph.text
            for glyph in glyphs
            if min(across) <= (glyph.left + glyph.right) / 2 <= max(across)
            and min(up) <= glyph.base + 0.25 * glyph.size <= max(up)
        ]
    return "".join(said).strip()
