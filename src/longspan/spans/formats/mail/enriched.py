"""Enriched text (RFC 1896): words with commands in angle brackets, which some mail programs write."""

from __future__ import annotations

import re

_COMMAND = re.compile(r"<<|<(/?)([A-Za-z0-9-]{1,60})>")
_LINE_ENDS = re.compile(r"\n+")


def enriched(text: str) -> str:
    """The words: commands and their parameters go, and one line end is a blank, several are one less."""
    said, at, parameters, unfilled = [], 0, 0, 0
    for match in [*_COMMAND.finditer(text), None]:
        if not parameters:
            piece = text[at : match.start() if match else len(text)]
            said.append(piece if unfilled else _LINE_ENDS.sub(_fewer, piece))
        if match is None:
            break
        at = match.end()
        if match[2] is None:
            said += [] if parameters else ["<"]
            continue
        name, step = match[2].lower(), -1 if match[1] else 1
        parameters = max(0, parameters + step * (name == "param"))
        unfilled = max(0, unfilled + step * (name == "nofill"))
        if name == "nl":  # of the older form, text/richtext
            said.append("\n")
    return "".join(said)


def _fewer(ends: re.Match[str]) -> str:
    return "\n" * (len(ends[0]) - 1) or " "
