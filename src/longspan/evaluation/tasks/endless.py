"""Random choices that are made once, however long a sample becomes."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")
H = TypeVar("H", bound=Hashable)


class Endless(Generic[T]):
    """A list without end, drawn as far as it is asked for; its beginning is the same however far that is."""

    def __init__(self, random: Random, draw: Callable[[Random], T]) -> None:
        self._random = Random(random.getrandbits(64))  # noqa: S311
        self._draw = draw
        self._drawn: list[T] = []

    def first(self, count: int) -> list[T]:
        """Its first `count` items."""
        while len(self._drawn) < count:
            self._drawn.append(self._draw(self._random))
        return self._drawn[:count]


def distinct(draw: Callable[[Random], H]) -> Callable[[Random], H]:
    """A draw that never gives the same twice; `draw` must have enough to give."""
    seen: set[H] = set()

    def fresh(random: Random) -> H:
        while (drawn := draw(random)) in seen:
            pass
        seen.add(drawn)
        return drawn

    return fresh
