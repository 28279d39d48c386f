"""Pieces of text put together, one block a line."""

from __future__ import annotations

import re
from collections.abc import Iterable


def joined(pieces: Iterable[str | int]) -> str:
    """The pieces of text; a number asks for so many line ends, at least, between its neighbours.

    No blanks at line ends, no more than one blank line together, none around the whole.
    """
    parts: list[str] = []
    line_ends = 0
    for piece in pieces:
        if isinstance(piece, int):
            line_ends = max(line_ends, piece)
        elif piece:
            parts += ["\n" * line_ends, piece]
            line_ends = 0
    text = "\n".join(line.rstrip() for line in "".join(parts).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n")
