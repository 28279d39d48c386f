"""Reads a LaTeX source once from its beginning to its end, and writes what it prints."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from typing import NamedTuple

from longspan.spans.formats.html.writer import Writer
from longspan.spans.formats.latex.commands import (
    EMPTY,
    ENVIRONMENT_ARGUMENTS,
    HEADINGS,
    LAYOUT,
    LINKED,
    MARKS,
    MATHS,
    NOTES,
    PASSED,
    PICTURES,
    REFERRING,
    SIGNS,
    SILENT,
    SYMBOLS,
    TABLES,
    TRANSPARENT,
    VERBATIM,
)
from longspan.spans.formats.latex.defined import Macro, definition
from longspan.spans.formats.latex.groups import Groups
from longspan.spans.formats.left_out import LINKED as LINKED_PART
from longspan.spans.formats.left_out import PICTURE, Kind, LeftOut
from longspan.spans.formats.numerals import written

_COMMENT = Kind("comment of the source", "comments of the source", "take away its % to have it read")
_MATH = re.compile(r"\$\$|\$(?:[^$\\]|\\.)+\$|\\\(|\\\[", re.DOTALL)
_TOKEN = re.compile(
    r"""(?P<comment>%[^\n]*(?:\n[ \t]*(?=[^\s]))?)
    |\\verb\*?(?P<sign>[^\w\s*])(?P<verb>[^\n]*?)(?P=sign)
    |\\(?P<mark>["'`^~=.]|[cvHkurdbt](?![a-zA-Z]))\s*(?:\{\s*(?P<in>\\[ij]|[^\W\d_])\s*\}|(?P<bare>\\[ij](?![a-zA-Z])|[^\W\d_]))
    |(?P<math>\$|\\\(|\\\[)
    |\\(?P<command>[a-zA-Z@]+)(?P<star>\*?)[ \t]*(?:\n[ \t]*(?=\S))?
    |\\(?P<symbol>.)
    |(?P<paragraph>\n[ \t]*\n\s*)
    |(?P<group>[{}])
    |(?P<other>``|''|---|--|~|&)
    |(?P<text>[^\\%${}~&`'\-\n]+|.)""",
    re.DOTALL | re.VERBOSE,
)
_COUNTED = ("decimal", "lowerLetter", "lowerRoman", "upperLetter")
_AROUND = ("{}.", "({})", "{}.", "{}.")
_DEEPEST = 16
_MIN_STEPS, _MAX_STEPS = 1 << 17, 1 << 21


class _Environment(NamedTuple):
    name: str
    counted: list[int]


class Reading:
    """writer: what was read. headings: their offsets and words. left_out: what is not read."""

    def __init__(self, source: str) -> None:
        self.writer, self.left_out = Writer(), LeftOut()
        self.headings: list[tuple[int, str]] = []
        self._macros: dict[str, Macro] = {}
        self._theorems: dict[str, str] = {}
        self._environments: list[_Environment] = []
        self._line_starts = [match.end() for match in re.finditer("\n", source)]
        self._steps = 0
        self._limit = min(_MIN_STEPS + 20 * len(source), _MAX_STEPS) + len(source)
        self._in_preamble = "\\begin{document}" in source
        self._run(source, None, 0)

    def _run(self, text: str, line: int | None, depth: int) -> None:
        """Reads a text; ``line`` is where all of it stands, None for the source itself."""
        groups, at, closing = Groups(text), 0, dict[int, tuple[str, int | None]]()
        while at < len(text):
            self._steps += 1
            if self._steps > self._limit and depth:
                raise ValueError("its commands expand without end")
            match = _TOKEN.match(text, at)
            if match is None:
                break
            here = bisect_right(self._line_starts, at) + 1 if line is None else line
            kind, said = match.lastgroup, match[0]
            after = match.end()
            if match["command"]:
                after = self._command(match["command"], text, after, groups, closing, here, depth)
            elif match["group"]:
                self._close(match.start(), closing)
            elif self._in_preamble:
                pass
            elif match["comment"]:
                if any(map(str.isalpha, said)):
                    self.left_out.add(_COMMENT)
            elif match["mark"]:
                self.writer.words(_accented(match["mark"], match["in"] or match["bare"]), here)
            elif match["math"]:
                after = self._math(text, at, groups, here)
            elif kind == "verb":
                self.writer.words(match["verb"], here)
            elif kind == "paragraph":
                self.writer.block(2)
            elif kind == "other":
                self._other(said, here)
            elif match["symbol"]:
                after = self._symbol(match["symbol"], text, after, here)
            else:
                self.writer.words(said, here)
            at = after
        for opened in sorted(closing):
            self._close(opened, closing)

    def _close(self, at: int, closing: dict[int, tuple[str, int | None]]) -> None:
        """Ends what a command began, at the end of its argument."""
        said, began = closing.pop(at, ("", None))
        if began is not None:
            words = " ".join("".join(self.writer.parts[began:]).split())
            if words:
                written_ones = "".join(self.writer.parts[began:])
                start = self.writer.length - len(written_ones)
                self.headings.append((start + len(written_ones) - len(written_ones.lstrip()), words))
            self.writer.block(2)
        elif said:
            self.writer.close("", said)

    def _other(self, said: str, line: int) -> None:
        if said != "&":
            self.writer.words(SIGNS[said], line)
        elif self._environments and self._environments[-1].name in TABLES:
            self.writer.tab()
        else:
            self.writer.words(said, line)

    def _symbol(self, sign: str, text: str, at: int, line: int) -> int:
        if sign == "\\":
            self.writer.line_end()
            skipped = re.compile(r"\*?[ \t]*(?:\[[^\]\n]{0,40}\])?").match(text, at)
            return skipped.end() if skipped else at
        if sign in " \n\t,;:":
            self.writer.words(" ", line)
        elif sign not in EMPTY:
            self.writer.words(sign, line)
        return at

    def _math(self, text: str, at: int, groups: Groups, line: int) -> int:
        """A formula as it is written."""
        match = _MATH.match(text, at)
        end = match.end() if match else at + 1
        if match and match[0] in ("$$", "\\(", "\\["):
            close = {"$$": "$$", "\\(": "\\)", "\\[": "\\]"}[match[0]]
            found = groups.find(close, end)
            end = found + len(close) if found >= 0 else end
        self.writer.words(text[at:end], line)
        return end

    def _command(
        self,
        name: str,
        text: str,
        at: int,
        groups: Groups,
        closing: dict[int, tuple[str, int | None]],
        line: int,
        depth: int,
    ) -> int:
        if name in ("begin", "end"):
            return self._environment(name, text, at, groups, line)
        if made := definition(name, text, at, groups):
            self._macros |= made.macros
            self._theorems |= made.theorems
            return made.end
        if name == "iffalse":
            end = groups.find("\\fi", at)
            self.left_out.add(_COMMENT)
            return end + 3 if end >= 0 else len(text)
        if self._in_preamble and name not in ("title", "author", "date", "subtitle", "institute"):
            _, end = groups.arguments(text, at, SILENT.get(name, 0))
            return end if name in SILENT else at
        if name in self._macros and depth < _DEEPEST:
            arguments, end = groups.arguments(
                text, at, self._macros[name].arguments, self._macros[name].default
            )
            body = self._macros[name].filled(arguments)
            self._steps += len(body)
            self._run(body, line, depth + 1)
            return end
        if name in SYMBOLS:
            if SYMBOLS[name] == "\n":
                self.writer.line_end()
            else:
                self.writer.words(SYMBOLS[name], line)
            return _without_empty(text, at)
        return self._known(name, text, at, groups, closing, line)

    def _known(
        self,
        name: str,
        text: str,
        at: int,
        groups: Groups,
        closing: dict[int, tuple[str, int | None]],
        line: int,
    ) -> int:
        writer = self.writer
        if name in HEADINGS or name in NOTES:
            start = groups.skip_options(text, at)
            if text[start : start + 1] != "{" or start not in groups.ends:
                return at
            if name in NOTES:
                writer.words(f" [{NOTES[name]}: ", line)
                closing[groups.ends[start]] = ("]", None)
            else:
                was_preamble, self._in_preamble = self._in_preamble, False
                writer.block(2)
                if was_preamble:
                    self._run(text[start + 1 : groups.ends[start]], line, 1)
                    self._in_preamble = True
                    writer.block(2)
                    return groups.ends[start] + 1
                closing[groups.ends[start]] = ("", writer.mark())
            return start + 1
        if self._in_preamble:
            found, end = groups.arguments(text, at, 1)
            self._in_preamble = False
            writer.block(1)
            self._run(found[0], line, 1)
            writer.block(1)
            self._in_preamble = True
            return end
        if name == "item":
            return self._item(text, at, groups, line)
        if name in REFERRING:
            options = text[at : groups.skip_options(text, at)]
            found, end = groups.arguments(text, at, 1)
            said = ", ".join(filter(None, [found[0].strip(), options.strip("[] ").replace("][", ", ")]))
            writer.words(f"[{said}]", line)
            return end
        if name in LINKED or name in PICTURES:
            found, end = groups.arguments(text, at, 1)
            self.left_out.add(PICTURE if name in PICTURES else LINKED_PART, found[0])
            return end
        if name in SILENT:
            return groups.arguments(text, at, SILENT[name])[1]
        if name == "bibitem":
            found, end = groups.arguments(text, at, 1)
            writer.block(1)
            writer.words(f"[{found[0]}] ", line)
            return end
        if name == "url":
            found, end = groups.arguments(text, at, 1)
            writer.words(found[0], line)
            return end
        if name in PASSED:
            return groups.arguments(text, at, PASSED[name])[1]
        if name in ("par", "newpage", "clearpage", "caption"):
            writer.block(2)
        if name in TRANSPARENT:
            return groups.skip_options(text, at)
        end = groups.behind(text, at)
        writer.words(f"\\{name}{text[at:end]}" + (" " if end == at else ""), line)
        return end

    def _item(self, text: str, at: int, groups: Groups, line: int) -> int:
        end = groups.skip_options(text, at)
        self.writer.block(1)
        around = next((each for each in reversed(self._environments) if each.counted), None)
        if end > at:
            self._run(text[at:end].strip("[] ") + " ", line, 1)
        elif around is not None and around.name == "enumerate":
            around.counted[0] += 1
            level = min(sum(each.name == "enumerate" for each in self._environments), 4) - 1
            number = written(around.counted[0] - 1, _COUNTED[level]) or ""
            self.writer.words(_AROUND[level].format(number) + " ", line)
        else:
            self.writer.words("- ", line)
        return end

    def _environment(self, which: str, text: str, at: int, groups: Groups, line: int) -> int:
        found, end = groups.arguments(text, at, 1)
        name = found[0].strip()
        if name == "document":
            self._in_preamble = False
            return end if which == "begin" else len(text)
        if which == "end":
            if self._environments and self._environments[-1].name == name:
                self._environments.pop()
            self.writer.block(1 if name in TABLES or name in LAYOUT else 2)
            return end
        close = groups.find(f"\\end{{{name}}}", end) if name in VERBATIM | MATHS | {"comment"} else -1
        if close >= 0:
            after = close + len(f"\\end{{{name}}}")
            if name == "comment":
                self.left_out.add(_COMMENT)
            elif not self._in_preamble:
                self.writer.block(2)
                inside = text[end:close] if name in VERBATIM else text[at - len("\\begin") : after]
                self.writer.preformatted(inside.strip("\n"), line)
                self.writer.block(2)
            return after
        if self._in_preamble:
            return end
        self._environments.append(
            _Environment(name, [1] if name in ("enumerate", "itemize", "description") else [])
        )
        self.writer.block(2 if name in TABLES else 1)
        if name in TABLES or name in ENVIRONMENT_ARGUMENTS:
            end = groups.arguments(text, end, TABLES.get(name, 0) or ENVIRONMENT_ARGUMENTS[name])[1]
        elif name not in LAYOUT:
            self.writer.words(f"[{self._theorems.get(name, name)}] ", line)
        elif name in ("figure", "table", "figure*", "table*", "enumerate", "itemize"):
            end = groups.skip_options(text, end)
        return end


def _without_empty(text: str, at: int) -> int:
    """Behind the empty group that parts a command from the word after it."""
    return at + 2 if text.startswith("{}", at) else at


def _accented(mark: str, letter: str) -> str:
    plain = {"\\i": "i", "\\j": "j"}.get(letter, letter)
    return unicodedata.normalize("NFC", plain + MARKS[mark])
