"""What the library says of its own parameters, in the words of the command."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Any

_NAMED = re.compile(r"(?<![\w(,.\-])([a-z][a-z_]*)=(\.\.\.)?")
_PATHS = (
    "--out",
    "--haystack",
    "--data",
    "--text",
    "--questions",
    "--documents",
    "--with",
    "--rescore",
    "--judge-prompt",
    "--demonstrations",
)


def with_options(message: str, names: Collection[str]) -> str:
    """`length=...` becomes `--length`, and `length=5` becomes `--length=5`, for the named ones.

    Parameters within a part, as in `snapkv(budget=512)`, are left alone.
    """

    def option(match: re.Match[str]) -> str:
        name, open_ended = match.groups()
        return f"--{name.replace('_', '-')}{'' if open_ended else '='}" if name in names else match[0]

    return _NAMED.sub(option, message)


def options_of(command: Any, words: Sequence[str]) -> set[str]:
    """What the long options of the subcommand set that the words of a command line call."""
    for word in words:
        command = getattr(command, "commands", {}).get(word, command)
    names = (name for each in command.params for name in each.opts)
    return {name.removeprefix("--").replace("-", "_") for name in names if name.startswith("--")}


def refuse_empty_paths(words: Sequence[str]) -> None:
    """Raises ValueError for an option that names a file or folder and is given no word, which would be this folder."""
    for word, following in pairwise([*words, "-"]):
        name, equals, value = word.partition("=")
        if name in _PATHS and not (value if equals else following):
            raise ValueError(f"{name} is empty; name a file or folder, or leave the option out")
