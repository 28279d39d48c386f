"""Tickets whose events come through something else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from longspan.serving.asked import Asked
from longspan.serving.desk import Ticket
from longspan.serving.events import Done, Ended, Event, Spoken
from longspan.spans import Document, Span, cite

T = TypeVar("T")


class Piped:
    """A ticket whose events come through something else."""

    def __init__(self, ticket: Ticket, pipe: Callable[[AsyncIterator[Event]], AsyncIterator[Event]]) -> None:
        self._ticket, self._pipe = ticket, pipe

    def __aiter__(self) -> AsyncIterator[Event]:
        return self._pipe(aiter(self._ticket))

    def cancel(self) -> None:
        """Of what is behind it."""
        self._ticket.cancel()


async def aside(work: Callable[[], T]) -> T:
    """Does something that takes a while on another thread."""
    return await asyncio.to_thread(work)


async def noted(events: AsyncIterator[Event], notes: tuple[str, ...]) -> AsyncIterator[Event]:
    """Events with what else there is to say at their end."""
    async for event in events:
        yield replace(event, notes=(*event.notes, *notes)) if isinstance(event, Done) else event


async def cited(
    events: AsyncIterator[Event], asked: Asked, documents: Sequence[Document]
) -> AsyncIterator[Event]:
    """Events with quotes of what was said, checked against the documents that were shown."""
    if not asked.cite or not documents:
        async for event in events:
            yield event
        return
    said: dict[int, str] = {}
    question = next((each.text for each in reversed(asked.turns) if each.role == "user"), "")
    spans = [Span(each, 0, len(each.text)) for each in documents]
    async for event in events:
        if isinstance(event, Spoken) and not event.reasoning:
            said[event.index] = said.get(event.index, "") + event.text
        if isinstance(event, Ended) and (text := said.get(event.index, "")).strip():
            found = await aside(lambda text=text: cite(text, question, spans))  # type: ignore[misc]
            event = replace(event, citations=found)
        yield event
