"""What a model does in a step of a program: it reads files, writes them, and ends the step."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["read", "write", "done"]

_VERB = re.compile(r"^[\s>*_#-]*(READ|WRITE|DONE)\b[ \t*_]*[:：]?[ \t*_]*(.*)$", re.MULTILINE)
_FENCE = re.compile(r"\s*(`{3,}|~{3,})[^\n`]*\n(.*?)(?:\n\1[ \t]*(?:\n|\Z)|\Z)", re.DOTALL)


@dataclass(frozen=True)
class Action:
    """What a model wants done. kind: read or write a file, or end the step. name: of the file. text: what is written,
    or how the step ended."""

    kind: Kind
    name: str = ""
    text: str = ""


def actions(said: str) -> list[Action]:
    """What a reply asks for, in its order; empty where it asks for nothing.

    An action begins its line with READ, WRITE or DONE in capitals. A text that is written goes to the next action, or
    to the end of its fence if it stands between fences.
    """
    found: list[Action] = []
    at = 0
    while verb := _VERB.search(said, at):
        kind, rest = verb[1], verb[2].strip().rstrip("*_").strip()
        following = _VERB.search(said, verb.end())
        end = following.start() if following else len(said)
        if kind == "WRITE":
            fenced = _FENCE.match(said, verb.end())
            if fenced is not None:
                end = fenced.end()
            text = fenced[2] if fenced is not None else said[verb.end() : end]
            found.append(Action("write", rest, text.strip()))
        elif kind == "READ":
            found.append(Action("read", rest))
        else:
            found.append(Action("done", text=f"{rest} {said[verb.end() : end].strip()}".strip()))
        at = max(end, verb.end())
    return found
