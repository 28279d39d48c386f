"""Responses that are being made: they can be looked at, ended, and are kept when they have ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from longspan.serving.desk import Ticket
from longspan.serving.events import Done, Event, Used
from longspan.serving.responses.answering import Answer, Told
from longspan.serving.web.streams import frame

Keep = Callable[[Told], Awaitable[str]]
"""Keeps a response; what went wrong, "" where nothing did."""


class Run:
    """A ticket of a response, and its frames. answer: what it becomes, event by event. keep: by which it is kept before
    anybody is told of its end, None for not at all. ended: set when nothing more comes."""

    def __init__(self, ticket: Ticket, answer: Answer, keep: Keep | None) -> None:
        self.answer = answer
        self._frames: list[bytes] = []
        self._ticket, self._keep = ticket, keep
        self._ending = asyncio.Event()
        self.ended = asyncio.Event()

    def cancel(self) -> None:
        """Nobody wants it any more."""
        self._ticket.cancel()
        self.ended.set()

    def frames(self, event: Event) -> list[bytes]:
        """Those that are due with an event."""
        due, self._frames = self._frames, []
        return due

    def end(self) -> None:
        """It is to end now, as cancelled; who reads it is told so."""
        self._ending.set()

    async def __aiter__(self) -> AsyncIterator[Event]:
        events = aiter(self._ticket)
        ending = asyncio.create_task(self._ending.wait())
        following: asyncio.Task[Event | None] | None = None
        try:
            while True:
                following = asyncio.create_task(_next(events))
                await asyncio.wait((following, ending), return_when=asyncio.FIRST_COMPLETED)
                event = following.result() if following.done() else None
                if event is None or (ending.done() and not isinstance(event, Done)):
                    self.answer.cancelled = True
                    self._ticket.cancel()
                    event = Done(used=Used())
                if isinstance(event, Done):
                    await self._kept(event)
                self._frames += [frame(each, each["type"]) for each in self.answer.events(event)]
                yield event
                if isinstance(event, Done):
                    return
        finally:
            ending.cancel()
            if following is not None:
                following.cancel()
            self.ended.set()

    async def _kept(self, event: Done) -> None:
        final = self.answer.finish(event)
        trouble = await self._keep(final) if self._keep is not None else ""
        if trouble:
            final["store"] = False
            final["longspan"]["notes"] = [
                *final["longspan"]["notes"],
                f"the response is not kept: {trouble}",
            ]


async def _next(events: AsyncIterator[Event]) -> Event | None:
    return await anext(events, None)


class Runs:
    """Those that are being made, by owner and id."""

    def __init__(self) -> None:
        self._running: dict[tuple[str, str], Run] = {}

    def add(self, owner: str, run: Run) -> None:
        """Until it has ended."""
        self._running = {each: one for each, one in self._running.items() if not one.ended.is_set()}
        self._running[owner, run.answer.id] = run

    def of(self, owner: str, name: str) -> Run | None:
        """The one of that name, while it is being made."""
        run = self._running.get((owner, name))
        return None if run is None or run.ended.is_set() else run
