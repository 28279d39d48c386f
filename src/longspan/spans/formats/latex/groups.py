"""The groups of a LaTeX source: which brace closes which, and the arguments of a command."""

from __future__ import annotations

import re

_BRACES = re.compile(r"\\verb\*?([^\w\s*])[^\n]*?\1|\\.|%[^\n]*|[{}]", re.DOTALL)
_OPTION = re.compile(r"[ \t]*\n?[ \t]*\[(?:[^\[\]{}]|\{[^{}]{0,400}\}){0,1000}\]")
_SPACE = re.compile(r"[ \t]*\n?[ \t]*")


class Groups:
    """ends: for each brace that opens a group, where the one is that closes it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.ends: dict[int, int] = {}
        self._missing: dict[str, int] = {}
        opened: list[int] = []
        for match in _BRACES.finditer(text):
            if match[0] == "{":
                opened.append(match.start())
            elif match[0] == "}" and opened:
                self.ends[opened.pop()] = match.start()

    def find(self, mark: str, at: int) -> int:
        """Where a mark stands next; -1 if nowhere, which is looked up once."""
        if at >= self._missing.get(mark, len(self._text) + 1):
            return -1
        found = self._text.find(mark, at)
        if found < 0:
            self._missing[mark] = at
        return found

    def skip_options(self, text: str, at: int) -> int:
        """Behind the arguments in brackets."""
        while match := _OPTION.match(text, at):
            at = match.end()
        return at

    def behind(self, text: str, at: int) -> int:
        """Behind all arguments that follow at once."""
        end = self.skip_options(text, at)
        while text[end : end + 1] == "{" and end in self.ends:
            end = self.skip_options(text, self.ends[end] + 1)
        return end

    def arguments(self, text: str, at: int, count: int, default: str | None = None) -> tuple[list[str], int]:
        """So many arguments from a place on, without their braces, and where they end; missing ones are empty.

        default: what stands for the first, if it may be given in brackets and is not.
        """
        found: list[str] = []
        end = self.skip_options(text, at)
        if default is not None and count:
            given = text[at:end].strip()
            found.append(given[1:-1] if given else default)
        while len(found) < count:
            space = _SPACE.match(text, end)
            start = space.end() if space else end
            if text[start : start + 1] == "{" and start in self.ends:
                found.append(text[start + 1 : self.ends[start]])
                end = self.skip_options(text, self.ends[start] + 1)
            else:
                break
        return found + [""] * (count - len(found)), end
