"""Passes of many requests through one model: who speaks or reads little goes between the layers of who reads long."""

from __future__ import annotations

import time
from collections.abc import Callable
from math import inf
from typing import TypeVar

from longspan.running.generation import Step
from longspan.running.runner import Request, Runner
from longspan.seam.seam import Seam
from longspan.serving.turns import Turns

T = TypeVar("T")
LONG = 64
"""Tokens of a pass above which others go between its layers."""
_SHARE = 3.0
"""Seconds that short prompts are read for each second of a long one."""


class Dropped(Exception):
    """A request that is in a pass is not wanted any more."""


class Interleaving:
    """Runs the requests of one model.

    Those that speak go together, a token each. Prompts are read one chunk at a time and each alone, so that the bits of
    an answer are the same whatever else goes on. Between two layers of a chunk those that speak have a turn as soon as
    reading had as much time as they took, and shorter prompts go before the longer one goes on, most of the time.

    meanwhile: called between layers now and then, so that requests can join and leave. told: what a step gave, and who
    took part. Raises nothing of a request: its error says what was wrong.
    """

    def __init__(
        self,
        seam: Seam,
        turns: Turns,
        *,
        meanwhile: Callable[[], None],
        told: Callable[[list[Request], list[tuple[Request, Step]]], None],
    ) -> None:
        self._seam, self._turns, self._meanwhile, self._told = seam, turns, meanwhile, told
        self.runner = Runner(seam)
        self._dropped: set[Request] = set()
        self._reading: list[Request | None] = []
        self._spoke = self._spoken = self._looked = 0.0
        self._read = self._reads = 0.0

    def add(self, request: Request) -> None:
        """Lets a request join."""
        self.runner.add(request)

    def remove(self, request: Request) -> bool:
        """Lets a request leave. False where it is in a pass that has begun, which then ends soon, with an error."""
        if request in self.runner.passing:
            self._dropped.add(request)
            return False
        self.runner.remove(request)
        return True

    def step(self) -> None:
        """A token of each that speaks, and a chunk of one that reads."""
        self._hooked(self._pass)

    def aside(self, work: Callable[[], T]) -> T:
        """Does something of a request that has been read and that itself reads much; others go between its layers."""
        reading, self._reading = self._reading, [None]
        try:
            return self._hooked(work)
        finally:
            self._reading = reading

    def _hooked(self, work: Callable[[], T]) -> T:
        before, self._seam.between = self._seam.between, self._between
        try:
            return work()
        finally:
            self._seam.between = before

    def _pass(self) -> None:
        self._speak()
        reading = [each for each in self._free() if each.reading]
        if reading:
            self._read_on(self._turns.next(reading))

    def _free(self) -> list[Request]:
        return [each for each in self.runner.requests if each not in self.runner.passing]

    def _speak(self) -> None:
        speaking = [each for each in self._free() if not each.reading]
        if speaking:
            began = time.perf_counter()
            self._step(speaking)
            self._spoke = time.perf_counter()
            self._spoken = self._spoke - began

    def _read_on(self, request: Request) -> None:
        self._reading.append(request)
        try:
            self._step([request])
        finally:
            self._reading.pop()
            self._dropped.discard(request)

    def _step(self, among: list[Request]) -> None:
        self._told(among, self.runner.step(among))

    def _between(self, tokens: int) -> None:
        """Between two layers of a pass of so many tokens."""
        if tokens <= LONG:
            return
        now = time.perf_counter()
        if now - self._looked > 0.02:
            self._meanwhile()
            self._looked = time.perf_counter()
        if now - self._spoke >= self._spoken:
            self._speak()
        if len(self._reading) == 1:
            self._read_shorter(now)
        if self._reading and (reading := self._reading[-1]) is not None and reading in self._dropped:
            raise Dropped

    def _read_shorter(self, now: float) -> None:
        """A chunk of a prompt that is much shorter than what is being read, unless that waited long enough."""
        left = max(inf if each is None else len(each.sequence.pending) for each in self._reading)
        shorter = [each for each in self._free() if each.reading and 2 * len(each.sequence.pending) <= left]
        if shorter and (now - self._read) * _SHARE >= self._reads:
            began = time.perf_counter()
            self._read_on(self._turns.next(shorter))
            self._read = time.perf_counter()
            self._reads = self._read - began
