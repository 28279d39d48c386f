"""Whose chunk is read next: short prompts first, owners in turn, and nobody waits for ever."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from longspan.running.runner import Request

PATIENCE = 4
"""Passes that a prompt may wait for shorter ones."""


class Turns:
    """The order of those that read. owner_of: whose a request is."""

    def __init__(self, chunk: int, owner_of: Callable[[Request], str]) -> None:
        self._chunk, self._owner_of = chunk, owner_of
        self._waited: dict[int, int] = {}
        self._read: dict[str, int] = defaultdict(int)

    def __call__(self, reading: list[Request]) -> list[Request]:
        """Who comes first. The first is sure to be read; who comes later may have to wait for the next pass."""
        if not reading:
            self._waited.clear()
            self._read.clear()
            return reading
        floor = min(self._read[self._owner_of(each)] for each in reading)
        waited = {id(each): self._waited.get(id(each), 0) for each in reading}

        def place(request: Request) -> tuple[int, bool, int]:
            overdue = max(0, waited[id(request)] - PATIENCE + 1)
            long = len(request.sequence.pending) > self._chunk
            return -overdue, long, self._read[self._owner_of(request)] - floor

        ordered = sorted(reading, key=place)
        room, first = self._chunk, True
        for request in ordered:
            taken = min(len(request.sequence.pending), self._chunk)
            if first or taken <= room:
                room, first = room - taken, False
                waited[id(request)] = 0
                self._read[self._owner_of(request)] += taken
            else:
                waited[id(request)] += 1
        self._waited = waited
        return ordered
