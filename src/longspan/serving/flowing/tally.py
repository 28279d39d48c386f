"""What a flow has been told of its requests so far: how far they were read, and what they took."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import fields

from longspan.serving.events import Ended, Read, Used

_HIGHEST = ("bytes_held",)


class Tally:
    """Sums over the requests of a flow. tell: is given what is to be told of reading. On the loop's thread alone."""

    def __init__(self, tell: Callable[[Read], None]) -> None:
        self._tell, self._began = tell, time.monotonic()
        self._reads: dict[int, Read] = {}
        self._used: list[Used] = []
        self._told = (0, 0)
        self._ends: dict[str, Ended] = {}

    def read(self, number: int, event: Read) -> None:
        """A request has read so far. Of all that was asked until now so much is told."""
        self._reads[number] = event
        every = self._reads.values()
        processed, total = sum(each.processed for each in every), sum(each.total for each in every)
        if (processed, total) != self._told:
            self._told = (processed, total)
            cached = sum(each.cached for each in every)
            seconds = time.monotonic() - self._began
            self._tell(Read(processed=processed, total=total, cached=cached, seconds=seconds))

    def took(self, used: Used) -> None:
        """A request is done."""
        self._used.append(used)

    def ended(self, text: str, event: Ended) -> None:
        """A reply has ended."""
        self._ends[text.strip()] = event

    def end_of(self, text: str) -> Ended:
        """How the reply ended that is the answer of the flow; by itself, where the flow wrote it."""
        return self._ends.get(text.strip(), Ended(index=0, why="stop"))

    def used(self, truncated: int) -> Used:
        """All of them together. truncated: tokens of the documents that no model was shown."""
        sums = {}
        for field in fields(Used):
            values = [getattr(each, field.name) for each in self._used]
            sums[field.name] = max(values, default=0) if field.name in _HIGHEST else sum(values)
        return Used(**{**sums, "truncated_tokens": truncated})
