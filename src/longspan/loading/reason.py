"""Other libraries' errors, told in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class SourceUnavailableError(Exception):
    """One of the places a model can come from did not deliver; the message is the reason alone."""


def reason(error: BaseException | str, limit: int = 240) -> str:
    """The error's text on one line of at most `limit` characters, or its type when it says nothing."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= limit else text[: limit - 1] + "…"


@contextmanager
def panics_raised() -> Iterator[None]:
    """A panic of a library in Rust, which is no `Exception`, becomes a `RuntimeError` of the same words."""
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise RuntimeError(reason(error)) from None
