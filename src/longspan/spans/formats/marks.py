"""How plain text shows what is raised, lowered or struck, so that no number changes: 10^6, x_1, ~~99~~."""

from __future__ import annotations

import re

_WORD = re.compile(r"[-+−]?[^\W_]+")
_GOES_ON = re.compile(r"[^\W_]|[.,]\d")
_ORDINALS = {"st", "nd", "rd", "th", "er", "re", "ère", "e", "ème", "º", "ª", "o", "a"}


def raised(text: str, before: str = "", after: str = "") -> str:
    """``^6`` or ``^{n+1}`` for raised text; ``before`` and ``after`` are what stands next to it.

    Letters that make an ordinal of a number, as in 21st, stay as they are.
    """
    if text.strip() in _ORDINALS and before[-1:].isdigit() and not _GOES_ON.match(after):
        return text
    return _marked("^", text, after)


def lowered(text: str, after: str = "") -> str:
    """``_2`` or ``_{n+1}`` for lowered text."""
    return _marked("_", text, after)


def struck(text: str) -> str:
    """``~~99~~`` for text that is struck through."""
    inner = text.strip()
    return text.replace(inner, f"~~{inner}~~", 1) if inner else text


def _marked(mark: str, text: str, after: str) -> str:
    inner = text.strip()
    if not inner:
        return text
    alone = _WORD.fullmatch(inner) and (text[-1:].isspace() or not _GOES_ON.match(after))
    return text.replace(inner, f"{mark}{inner}" if alone else f"{mark}{{{inner}}}", 1)
