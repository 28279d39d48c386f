"""Standard output and standard error that take whatever a command has to say."""

from __future__ import annotations

import codecs
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

import typer

_HANDLER = "longspan-escapes"
_LOOKALIKES = {"✓": "[ok]", "✗": "[??]", "“": '"', "”": '"', "—": "--", "·": "|", "…": "..."}


@contextmanager
def streams() -> Iterator[None]:
    """Whatever the terminal's encoding, nothing that is written fails for it.

    Characters that standard output cannot encode are written as JSON has them (``\\u2713``), so that JSON stays JSON.
    What cannot be written to standard error is dropped, as it is never the answer. Closed streams take everything.
    """
    _open_closed()
    error, changed = sys.stderr, []
    codecs.register_error(_HANDLER, _escape)
    if isinstance(sys.stdout, io.TextIOWrapper):
        changed.append((sys.stdout, sys.stdout.errors))
        sys.stdout.reconfigure(errors=_HANDLER)
    sys.stderr = _Forgiving(error)
    try:
        yield
    finally:
        sys.stderr = error
        try:
            error.flush()
        except (OSError, ValueError):  # such as what was said before anything here could be done about it
            _give_up(error)
        for stream, errors in changed:
            with suppress(OSError, ValueError):  # it is closed, or what is left cannot be written
                stream.reconfigure(errors=errors)


def say(text: str) -> None:
    """Writes a line for people to standard output, with look-alikes of marks that its encoding lacks."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    for mark, alike in _LOOKALIKES.items():
        if mark in text and not _encodes(mark, encoding):
            text = text.replace(mark, alike)
    typer.echo(text)


def _encodes(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def give_up_output() -> None:
    """Sends what is still to be written to nowhere, so that the interpreter does not try once more when it ends."""
    _give_up(sys.stdout)


def _give_up(stream: TextIO) -> None:
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _open_closed() -> None:
    """Opens what the command was started without, before a file of its own gets that number."""
    if sys.stdout is None or sys.stderr is None:
        number = os.open(os.devnull, os.O_RDWR)
        while number < 3:
            number = os.dup(number)
        os.close(number)
        sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 (open until the end)
        sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def _escape(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4)), error.end


class _Forgiving:
    """A stream whose full disk or closed reader is nobody's trouble."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
