"""Text that is read while it comes."""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")
Steps = Generator[None, None, T]
"""Reading that pauses wherever more text is needed, so that what is read never depends on how the text was cut."""

_BLANKS = re.compile(r"\s*")
LONGEST = 256
"""Characters of a name."""


class Source:
    """Text as it comes. text: what is still needed of it. at: how far it was read. ended: whether no more comes."""

    def __init__(self) -> None:
        self.text, self.at, self.ended = "", 0, False

    @property
    def rest(self) -> str:
        """What was not read."""
        return self.text[self.at :]

    def forget(self) -> None:
        """What was read is not needed any more."""
        self.text, self.at = self.rest, 0

    def next(self) -> Steps[str]:
        """The next character, which is not taken; "" at the end."""
        while self.at >= len(self.text) and not self.ended:
            yield
        return self.text[self.at : self.at + 1]

    def blanks(self) -> Steps[str]:
        """Blanks, as many as there are."""
        start = self.at
        while True:
            self.at = _end(_BLANKS.match(self.text, self.at))
            if self.at < len(self.text) or self.ended:
                return self.text[start : self.at]
            yield

    def word(self, *words: str) -> Steps[str]:
        """The one of some words that comes next, "" for none; none of them begins another one."""
        longest = max(map(len, words))
        while True:
            rest = self.text[self.at : self.at + longest]
            for word in words:
                if rest.startswith(word):
                    self.at += len(word)
                    return word
            if self.ended or not any(word.startswith(rest) for word in words):
                return ""
            yield

    def run(self, pattern: re.Pattern[str]) -> Steps[str]:
        """As much as a pattern allows, which goes on from every beginning of it and ends at `LONGEST` characters."""
        start = self.at
        while True:
            end = _end(pattern.match(self.text, start))
            if end < len(self.text) or self.ended or end - start >= LONGEST:
                self.at = end
                return self.text[start:end]
            yield

    def upto(self, mark: str) -> Steps[str | None]:
        """What comes before a mark, which is taken too; None where it never comes."""
        start = seen = self.at
        while True:
            found = self.text.find(mark, seen)
            if found >= 0:
                self.at = found + len(mark)
                return self.text[start:found]
            if self.ended:
                self.at = len(self.text)
                return None
            seen = max(start, len(self.text) - len(mark) + 1)
            yield


def begun(text: str, words: tuple[str, ...]) -> int:
    """How many characters at the end of a text may be the beginning of one of some words."""
    longest = max(map(len, words), default=0)
    for size in range(min(longest - 1, len(text)), 0, -1):
        if any(word.startswith(text[-size:]) for word in words if len(word) > size):
            return size
    return 0


def _end(found: re.Match[str] | None) -> int:
    if found is None:
        raise ValueError("pattern matches no empty text; let it match one")
    return found.end()
