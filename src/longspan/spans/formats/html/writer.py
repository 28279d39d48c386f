"""Words put together line by line, each with the line of the file on which it stands."""

from __future__ import annotations

import re

_BLANKS = re.compile(r"[ \t\n\r\f\xa0]+")
_UNEVEN = re.compile("[\t\r\f\xa0\xad\u200b\ufeff]|  ")  # what the next two and one of them change
_INVISIBLE = re.compile("[\xad\u200b\ufeff]")


class Writer:
    """Collects a text. ``flat`` keeps it in one line, as for the cell of a table.

    No blanks at line ends, and one blank line at most between blocks, except within preformatted text.
    """

    def __init__(self, *, flat: bool = False) -> None:
        self.flat = flat
        self.parts: list[str] = []
        self.length = 0
        self.lines: list[tuple[int, int]] = []
        self._breaks = 0
        self._blank = self._apart = False
        self._indent = ""  # of a preformatted line whose first word is still to come
        self._opening: list[str] = []

    @property
    def text(self) -> str:
        return "".join(self.parts)

    @property
    def last(self) -> str:
        """The last character, or nothing."""
        return self.parts[-1][-1] if self.parts else ""

    @property
    def touching(self) -> bool:
        """Whether the next word will stand right behind the last one."""
        return (
            bool(self.parts)
            and not self._breaks
            and not (self._blank or self._apart)
            and self.last not in " \t\n"
        )

    def mark(self) -> int:
        """The number of parts before the block that comes."""
        if self._breaks:
            self._strip()
        return len(self.parts)

    def block(self, breaks: int) -> None:
        """At least so many line ends before what comes."""
        if self.flat:
            self._blank = self._blank or breaks > 0
        else:
            self._breaks = max(self._breaks, breaks)

    def apart(self) -> None:
        """A blank between what is here and what comes, unless that is a sign at the end of a sentence."""
        self._apart = True

    def line_end(self) -> None:
        if self.flat:
            self._blank = True
        elif self.parts:
            self._breaks = min(self._breaks + 1, 2)

    def words(self, text: str, line: int) -> None:
        """Text in which blanks and line ends are all one blank; it begins on this line of the file."""
        for number, part in enumerate(text.split("\n")):
            said = _BLANKS.sub(" ", _INVISIBLE.sub("", part)) if _UNEVEN.search(part) else part
            words = said.strip(" ")
            self._blank = self._blank or number > 0 or said.startswith(" ")
            if words:
                self._put(words, line + number)
                self._blank = said.endswith(" ")

    def preformatted(self, text: str, line: int) -> None:
        """Text whose blanks and line ends stand as they are."""
        if self.flat:
            self.words(text, line)
            return
        pieces = _INVISIBLE.sub("", text).replace("\xa0", " ").split("\n")
        for number, part in enumerate(pieces):
            if number:
                self._breaks, self._indent = self._breaks + 1, ""
            if part.strip():
                self._put(part, line + number)
            elif self._breaks or not self.parts:
                self._indent += part
            else:
                self._append(part)

    def said(self, text: str) -> None:
        """Words that the page shows without writing them, on the line of what stands before."""
        self.words(text, self.lines[-1][1] if self.lines else 1)

    def open(self, mark: str) -> None:
        """A mark that stands right before the next word."""
        self._opening.append(mark)

    def close(self, opened: str, mark: str) -> None:
        """A mark right behind the last word; nothing if no word came since the one that opens it."""
        if self._opening and self._opening[-1] == opened:
            self._opening.pop()
        else:
            self._append(mark)

    def add(self, other: Writer, separator: str = "") -> None:
        """What another writer collected, behind what is here."""
        text = other.text
        if not text:
            self._append(separator)
            return
        start = self._put(separator + text, None) + len(separator)
        self.lines += [(start + offset, line) for offset, line in other.lines]

    def tab(self) -> None:
        self._append("\t")

    def _put(self, text: str, line: int | None) -> int:
        """Where the text begins."""
        if self.parts:
            if self._breaks:
                self._strip()
                self._append("\n" * self._breaks)
            elif (self._blank or self._parts_from(text)) and self.last not in "\t\n":
                self._append(" ")
        self._append(self._indent)
        self._breaks, self._blank, self._apart, self._indent = 0, False, False, ""
        if self._opening:
            self._append("".join(self._opening))
            self._opening.clear()
        start = self.length
        if line is not None and (not self.lines or self.lines[-1][1] != line):
            self.lines.append((start, line))
        self._append(text)
        return start

    def _parts_from(self, text: str) -> bool:
        return self._apart and text[0] not in ".,;:!?)" and self.last not in "( "

    def _strip(self) -> None:
        while self.parts and self.parts[-1] != (kept := self.parts[-1].rstrip(" \t")):
            self.length -= len(self.parts[-1]) - len(kept)
            self.parts.pop()
            if kept:
                self.parts.append(kept)

    def _append(self, text: str) -> None:
        if text:
            self.parts.append(text)
            self.length += len(text)
