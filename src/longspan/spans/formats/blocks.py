"""Blocks of text put together, and the offsets of the headings among them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from longspan.spans.formats.whole import whole


class Blocks:
    """Text that grows block by block.

    No blanks at line ends, no more than one blank line together, none around the whole.
    """

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._line_ends = 0
        self.headings: list[tuple[int, str]] = []

    def add(self, text: str, *, line_ends: int = 2, headings: Iterable[str] = ()) -> None:
        """A block with at least so many line ends before and after it, and the headings in it; without text, none."""
        text = "\n".join(line.rstrip() for line in whole(text).split("\n"))
        text = re.sub(r"\n{3,}", "\n\n", text).strip("\n")
        if not text:
            return
        gap = max(self._line_ends, line_ends) if self._parts else 0
        self._parts += ["\n" * gap, text]
        self.headings += [(self._length + gap, " ".join(whole(heading).split())) for heading in headings]
        self._length += gap + len(text)
        self._line_ends = line_ends

    def part(self) -> None:
        """A blank line before what follows."""
        self._line_ends = 2

    def __len__(self) -> int:
        return self._length

    @property
    def text(self) -> str:
        return "".join(self._parts)
