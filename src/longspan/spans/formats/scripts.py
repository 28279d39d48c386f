"""What is raised or lowered, written so that no number changes."""

from __future__ import annotations

import re

_ORDINALS = set("st nd rd th er ère ere re me ème os as de ste a o ª º".split()) - {"a", "o"}
_NOTE_MARKS = set("*†‡§¶#")


def raised(text: str, before: str, *, link: bool = False) -> str:
    """``10^6``, ``x^(n+1)``; ``1st`` stays, and the mark of a note becomes ``[2]``.

    before: the character that it touches, or nothing. link: whether it leads to a note.
    """
    if not text or text[0] in "[(" or set(text) <= _NOTE_MARKS or not any(map(str.isalnum, text)):
        return text
    if before.isdigit() and text.lower() in _ORDINALS:
        return text
    if link:
        return f"[{text}]"
    if not before or before in "([{":
        return f"^{grouped(text)}" if before or text.isdigit() is False else f"^{text}"
    if before.isalpha() and text.isalpha() and len(text) > 1 and (text.islower() or text in ("TM", "SM")):
        return text  # Mme, No, TM
    return f"^{grouped(text)}"


def lowered(text: str) -> str:
    """``H_2O``, ``a_(i+1)``."""
    return f"_{grouped(text)}" if text else ""


def grouped(text: str) -> str:
    return text if re.fullmatch(r"[+−–-]?\w+(?:[.,]\d+)?", text) else f"({text})"
