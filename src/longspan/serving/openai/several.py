"""Several prompts of one request, asked side by side, as one ticket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import fields, replace

from longspan.serving.asked import Asked
from longspan.serving.desk import Desk, Ticket
from longspan.serving.events import Done, Event, Made, Read, Used

AT_A_TIME = 8
"""Prompts that are at a desk together; the others come as these are done."""


class Several:
    """Answers of all prompts, numbered one after another: those of the first prompt, those of the second, ...

    Where one of them fails, all do; where nobody wants them any more, none goes on.
    """

    def __init__(self, desk: Desk, asked: Sequence[Asked]) -> None:
        self._desk, self._asked = desk, asked
        self._tickets: dict[int, Ticket] = {}
        self._cancelled = False

    def cancel(self) -> None:
        """Of all that are at the desk, and no other comes there."""
        self._cancelled = True
        for each in list(self._tickets.values()):
            each.cancel()

    async def __aiter__(self) -> AsyncIterator[Event]:
        events: asyncio.Queue[tuple[int, Event | BaseException]] = asyncio.Queue(maxsize=64)
        seats = asyncio.Semaphore(AT_A_TIME)
        tasks = [asyncio.create_task(self._one(number, seats, events)) for number in range(len(self._asked))]
        used: list[Used] = []
        notes: list[str] = []
        reads: dict[int, Read] = {}
        try:
            while len(used) < len(tasks) and not self._cancelled:
                number, event = await events.get()
                if isinstance(event, BaseException):
                    raise event
                if isinstance(event, Done):
                    used.append(event.used)
                    notes += event.notes
                elif isinstance(event, Read):
                    reads[number] = event
                    yield _read(reads.values())
                else:
                    yield self._numbered(event, number)
            if not self._cancelled:
                yield Done(used=_sum(used), notes=tuple(notes))
        finally:
            self.cancel()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _one(
        self,
        number: int,
        seats: asyncio.Semaphore,
        events: asyncio.Queue[tuple[int, Event | BaseException]],
    ) -> None:
        async with seats:
            if self._cancelled:
                return
            try:
                ticket = await self._desk.ask(self._asked[number])
            except Exception as error:
                await events.put((number, error))
                return
            self._tickets[number] = ticket
            try:
                async for event in ticket:
                    await events.put((number, event))
            except Exception as error:
                await events.put((number, error))
            finally:
                ticket.cancel()
                del self._tickets[number]

    def _numbered(self, event: Event, number: int) -> Event:
        if isinstance(event, Read | Made | Done):
            return event
        return replace(event, index=sum(each.count for each in self._asked[:number]) + event.index)


def _read(reads: Collection[Read]) -> Read:
    return Read(
        processed=sum(each.processed for each in reads),
        total=sum(each.total for each in reads),
        cached=sum(each.cached for each in reads),
        seconds=max(each.seconds for each in reads),
    )


def _sum(used: Sequence[Used]) -> Used:
    """All tokens and bytes, and the time of the one that took longest, as they ran side by side."""
    told = {each.name: [getattr(one, each.name) for one in used] for each in fields(Used)}
    return Used(**{name: (max if name.endswith("seconds") else sum)(values) for name, values in told.items()})
