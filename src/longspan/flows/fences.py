"""Programs in what a model says: blocks between fences, however they are tagged and closed."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

_OPEN = re.compile(r"^[ \t]*(`{3,}|~{3,})[ \t]*\{?\.?([\w+-]*)\}?[ \t]*$")
_TAGS = frozenset(("", "python", "py", "python3", "repl", "py3", "pycon"))
_TRIED = 20
"""Lines that may close a block and are tried for one with which it is Python."""


@dataclass(frozen=True)
class Programs:
    """The programs of a reply in their order, and the tags of blocks that are none."""

    codes: tuple[str, ...]
    others: tuple[str, ...] = ()


def programs(said: str) -> Programs:
    """The blocks that are tagged as Python or not at all; where there are no blocks, the whole if it is a program.

    A block ends at the first fence with which it can be parsed, so that a fence within a text of the program does not
    end it, and at the first fence where none is such. A fence may also stand at the end of the last line. A block that
    is not closed, as a reply was cut, is a program only if it can be parsed.
    """
    lines = said.splitlines()
    codes: list[str] = []
    others: list[str] = []
    at = 0
    while at < len(lines):
        opened = _OPEN.match(lines[at])
        at += 1
        if opened is None:
            continue
        code, at = _block(lines, at, opened[1])
        tag = opened[2].lower()
        if tag not in _TAGS:
            others.append(tag)
        elif code is not None and code.strip():
            codes.append(code)
    if not codes and not others and _does_something(said):
        codes.append(said.strip())
    return Programs(tuple(codes), tuple(others))


def assigned(code: str) -> list[str]:
    """The names that a program binds at its top level or in its blocks, in order."""
    tree = _parsed(code)
    found: dict[str, None] = {}
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found[node.id] = None
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = None
    return list(found)


def _block(lines: Sequence[str], start: int, fence: str) -> tuple[str | None, int]:
    """The lines from `start` to where the block ends, and the line behind it."""
    closing = re.compile(rf"^(.*?)[ \t]*({re.escape(fence[0])}{{{len(fence)},}})[ \t]*$")
    ends = []
    for number in range(start, len(lines)):
        found = closing.match(lines[number])
        if found:
            ends.append((number, found[1]))
            if len(ends) == _TRIED:
                break
    for number, before in ends:
        code = "\n".join([*lines[start:number], before])
        if _parsed(code) is not None:
            return code, number + 1
    if ends:
        number, before = next((each for each in ends if not each[1].strip()), ends[0])
        return "\n".join([*lines[start:number], before]), number + 1
    code = "\n".join(lines[start:])
    return (code if _parsed(code) is not None else None), len(lines)


def _does_something(said: str) -> bool:
    tree = _parsed(said)
    return tree is not None and any(isinstance(node, ast.Call | ast.Assign) for node in ast.walk(tree))


def _parsed(code: str) -> ast.Module | None:
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
