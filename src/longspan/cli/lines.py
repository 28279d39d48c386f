"""The lines that a user writes: on a terminal with editing and paste, else as they come."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TextIO


def lines_of(stream: TextIO, *, quiet: bool) -> Iterator[str]:
    """Line after line, without its end, until the input ends. On a terminal a paste of many lines is one of them.

    quiet: whether no prompt is shown. Raises ValueError for bytes that are not UTF-8.
    """
    if stream.isatty() and sys.stdout.isatty() and not quiet:
        yield from _edited()
        return
    number = 0
    while True:
        number += 1
        try:
            line = stream.readline()
        except UnicodeDecodeError as error:
            raise ValueError(
                f"line {number} holds bytes that are not UTF-8 ({error.reason}); write it in UTF-8"
            ) from None
        if not line:
            return
        yield line.removesuffix("\n").removesuffix("\r")


def _edited() -> Iterator[str]:
    from prompt_toolkit import PromptSession

    session: PromptSession[str] = PromptSession()
    while True:
        try:
            yield session.prompt("> ")
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
