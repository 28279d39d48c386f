"""Commands that a LaTeX source defines itself."""

from __future__ import annotations

import re
from typing import NamedTuple

from longspan.spans.formats.latex.groups import Groups

_COMMANDS = ("newcommand", "renewcommand", "providecommand", "newrobustcmd", "DeclareRobustCommand")
_NAME = re.compile(
    r"\*?\s*(?:\{\s*\\([a-zA-Z@]+)\s*\}|\\([a-zA-Z@]+))\s*(?:\[(\d)\])?\s*(?:\[([^\]]{0,400})\])?\s*"
)
_DEF = re.compile(r"\s*\\([a-zA-Z@]+)((?:#\d)*)\s*")
_PLACE = re.compile(r"#(\d)")
_MAX_BODY = 20_000


class Macro(NamedTuple):
    """What stands for a command: a body with #1, #2, ..., and what stands for the first one where it is not given."""

    body: str
    arguments: int
    default: str | None

    def filled(self, arguments: list[str]) -> str:
        def given(match: re.Match[str]) -> str:
            number = int(match[1])
            return arguments[number - 1] if 0 < number <= len(arguments) else ""

        said = _PLACE.sub(given, self.body)
        if len(said) > 1 << 20:
            raise ValueError("its commands expand without end")
        return said


class Definition(NamedTuple):
    """Commands and names of environments that are defined, and where the definition ends."""

    macros: dict[str, Macro]
    theorems: dict[str, str]
    end: int


def definition(name: str, text: str, at: int, groups: Groups) -> Definition | None:
    """What a command that defines others says; None for any other, or where it is not understood."""
    if name == "newtheorem":
        found, end = groups.arguments(text, at, 2)
        return Definition({}, {found[0]: found[1]}, end)
    match = (
        _NAME.match(text, at)
        if name in _COMMANDS
        else _DEF.match(text, at)
        if name in ("def", "gdef")
        else None
    )
    if match is None:
        return None
    body, end = groups.arguments(text, match.end(), 1)
    if name in _COMMANDS:
        macro = Macro(body[0][:_MAX_BODY], int(match[3] or 0), match[4])
        return Definition({match[1] or match[2]: macro}, {}, end)
    return Definition({match[1]: Macro(body[0][:_MAX_BODY], match[2].count("#"), None)}, {}, end)
