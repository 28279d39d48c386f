"""Calls between tags, as Hermes, Qwen and SmolLM write them: `<tool_call>{"name": …, "arguments": {…}}</tool_call>`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from longspan.serving.calling import objects
from longspan.serving.calling.elements import element, element_rules
from longspan.serving.calling.family import Family, Held, Tag, object_rules, quoted
from longspan.serving.calling.heard import Heard
from longspan.serving.calling.source import LONGEST, Source, Steps

OPEN, CLOSE = "<tool_call>", "</tool_call>"
_FUNCTION = "<function="
_FENCE = "```"
_LANGUAGE = re.compile(rf"[a-z_]{{0,{LONGEST}}}")


@dataclass(frozen=True, kw_only=True)
class Tagged(Family):
    """elements: whether calls are elements, as Qwen3-Coder writes them; both ways are read.

    Small models forget the tags: objects with which an answer begins are calls if they are of functions that there are.
    """

    generic: bool = False
    elements: bool = False
    tokens = (OPEN, CLOSE)
    loose = "{`"

    @property
    def openers(self) -> tuple[str, ...]:  # type: ignore[override]
        """Elements are known without tags too."""
        return (OPEN, _FUNCTION) if self.elements else (OPEN,)

    def read(self, source: Source, heard: Heard) -> Steps[bool]:
        """Reads what stands between tags, or an element without them."""
        opener = yield from source.word(*self.openers)
        if opener == _FUNCTION:
            return bool((yield from element(source, heard)))
        if not opener:
            return bool((yield from _untagged(source, heard)))
        while True:
            yield from source.blanks()
            if (yield from source.word(_FUNCTION)):
                good = yield from element(source, heard)
            else:
                good = yield from objects.calls(source, heard)
            if not good:
                return False
            start = source.at
            yield from source.blanks()
            if (yield from source.word(CLOSE)):
                return True
            if not _another((yield from source.next())):
                source.at = start
                return True

    def rules(self, held: Sequence[Held], tag: Tag, *, parallel: bool) -> str:
        """One between two tags each."""
        body = f'"\\n" one "\\n" {tag(CLOSE)}'
        more = f' ("\\n" {tag(OPEN)} {body})*' if parallel else ""
        one = element_rules(held) if self.elements else object_rules(held, "arguments")
        return f"calls: {body}{more}\n{one}"


def example(name: str, arguments: str) -> str:
    """A call as it is written."""
    return f'{OPEN}\n{{"name": {quoted(name)}, "arguments": {arguments}}}\n{CLOSE}'


def _untagged(source: Source, heard: Heard) -> Steps[bool]:
    """Reads objects without tags, maybe in a fence, if they call functions that there are."""
    fenced = yield from source.word(_FENCE)
    if fenced:
        yield from source.run(_LANGUAGE)
    yield from source.blanks()
    if not (yield from objects.call(source, heard, bare=True, known=True)):
        return False
    while True:
        start = source.at
        yield from source.blanks()
        if fenced and (yield from source.word(_FENCE)):
            return True
        known = heard.calls
        if (yield from source.next()) == "{":
            yield from objects.call(source, heard, bare=True, known=True)
        if heard.calls == known:
            source.at = start
            return True


def _another(character: str) -> bool:
    return character != "" and character in "{["
