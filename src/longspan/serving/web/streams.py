"""Events of a ticket as an answer by HTTP: whole, or as server-sent events; who goes away is not worked for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar

from fastapi import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from longspan.serving.desk import Ticket
from longspan.serving.events import Event
from longspan.serving.refused import Refused, refusal

T = TypeVar("T")
PING = b": still here\n\n"


def frame(data: Any, event: str | None = None) -> bytes:
    """One server-sent event; a text is sent as it is, all else as JSON."""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    named = f"event: {event}\n" if event else ""
    return f"{named}data: {text}\n\n".encode()


async def whole(request: Request, ticket: Ticket) -> list[Event]:
    """All events of a ticket. It is cancelled when the client goes away. Raises Refused."""

    async def gathered() -> list[Event]:
        return [event async for event in ticket]

    try:
        return await unless_gone(request, gathered())
    finally:
        ticket.cancel()


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """What comes of work, which is cancelled where the client goes away before. Raises Refused."""
    task, gone = asyncio.create_task(work), asyncio.create_task(_gone(request))
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise Refused("the client has gone away", kind="timeout", code="client_closed_request")
    finally:
        for each in (task, gone):
            each.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _gone(request: Request) -> None:
    while not await request.is_disconnected():
        await asyncio.sleep(0.25)


async def streamed(
    request: Request,
    ticket: Ticket,
    frames: Callable[[Event], list[bytes]],
    failed: Callable[[Refused], list[bytes]],
    *,
    ping: float,
    pinged: bytes = PING,
) -> StreamingResponse:
    """A stream of what `frames` makes of each event; `failed` says why it ends early, so that no client takes a stop
    for an end. What fails before the first event is raised, and answered with a status. pinged: what is sent after
    `ping` seconds of silence."""
    events = aiter(ticket)
    try:
        first = await unless_gone(request, _next(events))
    except BaseException:
        ticket.cancel()
        raise

    async def sent() -> AsyncIterator[bytes]:
        following: asyncio.Task[Event | None] | None = None
        try:
            event = first
            while event is not None:
                for each in frames(event):
                    yield each
                following = asyncio.create_task(_next(events))
                while not (await asyncio.wait((following,), timeout=ping))[0]:
                    yield pinged
                event = following.result()
        except Exception as error:  # a fault of ours must not look like an end
            for each in failed(refusal(error)):
                yield each
        finally:
            ticket.cancel()
            if following is not None:
                following.cancel()

    headers = {"cache-control": "no-cache", "x-accel-buffering": "no"}
    return _Sent(sent(), ticket, media_type="text/event-stream", headers=headers)


class _Sent(StreamingResponse):
    """A stream whose ticket is given up at its end, also where the client left before any of it was sent."""

    def __init__(self, content: AsyncIterator[bytes], ticket: Ticket, **more: Any) -> None:
        super().__init__(content, **more)
        self._ticket = ticket

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._ticket.cancel()


async def _next(events: AsyncIterator[Event]) -> Event | None:
    return await anext(events, None)
