"""How people see that something goes on: bars on a terminal, else a line from time to time."""

from __future__ import annotations

import time

import typer

SECONDS = 10.0
"""Between two lines."""


class Lines:
    """Says how far something has come, at most every ten seconds; nothing of what takes less."""

    def __init__(self) -> None:
        self._next = time.monotonic() + SECONDS

    def __call__(self, line: str) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + SECONDS
            typer.echo(line, err=True)
