"""Memory that was freed, given back to the system."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable

PAUSE = 30.0
"""Seconds between two times."""


def _trim() -> Callable[[int], int] | None:
    """What does it, None where the C library keeps nothing, or cannot be asked."""
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):
        return None


class Returning:
    """Now and then has the C library give back what it keeps of tensors that are gone.

    It keeps the holes between others, which requests of all sizes leave; a server would grow by them.
    """

    def __init__(self) -> None:
        self._trim, self._last, self._ended = _trim(), time.monotonic(), 0

    def ended(self) -> None:
        """A request has given its memory back."""
        self._ended += 1

    def now_and_then(self, *, idle: bool) -> None:
        """Gives back where there may be something. idle: whether nobody waits meanwhile."""
        now = time.monotonic()
        if self._trim is not None and self._ended and now - self._last > (1.0 if idle else PAUSE):
            self._trim(0)
            self._last, self._ended = now, 0
