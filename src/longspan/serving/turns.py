"""Whose chunk is read next: short prompts first, owners in turn, and nobody waits for ever."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from weakref import WeakKeyDictionary

from longspan.running.runner import Request

PATIENCE = 4
"""Chunks of others that a prompt may wait for."""


class Turns:
    """The order of those that read. owner_of: whose a request is."""

    def __init__(self, chunk: int, owner_of: Callable[[Request], str]) -> None:
        self._chunk, self._owner_of = chunk, owner_of
        self._waited: WeakKeyDictionary[Request, int] = WeakKeyDictionary()
        self._read: dict[str, int] = defaultdict(int)
        self._now = 0

    def next(self, reading: list[Request]) -> Request:
        """Who comes first of some."""
        for request in reading:
            if request not in self._waited:
                self._waited[request] = 0
                owner = self._owner_of(request)
                self._read[owner] = max(self._read[owner], self._now)  # who was away has saved nothing up

        def place(request: Request) -> tuple[int, bool, int]:
            overdue = max(0, self._waited[request] - PATIENCE + 1)
            long = len(request.sequence.pending) > self._chunk
            return -overdue, long, self._read[self._owner_of(request)]

        first = min(reading, key=place)
        for request in reading:
            self._waited[request] += 1
        self._waited[first] = 0
        owner = self._owner_of(first)
        self._now = max(self._now, min(self._read[self._owner_of(each)] for each in reading))
        self._read[owner] += min(len(first.sequence.pending), self._chunk)
        return first
