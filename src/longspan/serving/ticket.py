"""What comes of a request, handed from the thread that runs the model to the loop that serves clients."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from longspan.serving.events import Done, Event, Read
from longspan.serving.refused import Refused

if TYPE_CHECKING:
    from collections.abc import Callable


class LocalTicket:
    """Events of one request. cancelled: whether nobody wants it any more. enough: answers of which that is so.

    put and fail are called by any thread, everything else by the loop. patience: seconds after which a client that
    reads nothing while events wait for it is given up.
    """

    def __init__(self, cancelled: Callable[[], None], *, patience: float = 60.0) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Event | Refused] = asyncio.Queue()
        self._told, self._patience = cancelled, patience
        self._taken = time.monotonic()
        self.cancelled = self.ended = False
        self.enough: set[int] = set()

    def put(self, event: Event | Refused) -> None:
        """An event, or why none comes any more."""
        self.ended = self.ended or isinstance(event, Done | Refused)
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._queue.put_nowait, event)

    @property
    def stale(self) -> bool:
        """Whether events wait, and nobody has taken one for long."""
        return not self._queue.empty() and time.monotonic() - self._taken > self._patience

    def cancel(self) -> None:
        """Nobody wants it any more."""
        if not self.cancelled and not self.ended:
            self.cancelled = True
            self._told()

    async def __aiter__(self) -> AsyncIterator[Event]:
        while True:
            event = await self._queue.get()
            self._taken = time.monotonic()
            if isinstance(event, Refused):
                raise event
            while (
                isinstance(event, Read) and not self._queue.empty()
            ):  # who reads slowly needs the last one alone
                following = self._queue.get_nowait()
                if not isinstance(following, Read):
                    yield event
                if isinstance(following, Refused):
                    raise following
                event = following
            yield event
            if isinstance(event, Done):
                return
