"""Other libraries' errors, told in one line."""

from __future__ import annotations


class SourceUnavailableError(Exception):
    """One of the places a model can come from did not deliver; the message is the reason alone."""


def reason(error: BaseException | str, limit: int = 240) -> str:
    """The error's text on one line of at most `limit` characters, or its type when it says nothing."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= limit else text[: limit - 1] + "…"
