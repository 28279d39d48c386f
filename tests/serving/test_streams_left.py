"""A stream that its client leaves before anything of it was sent."""

import asyncio

from scripted_desk import ScriptedTicket, saying
from starlette.requests import Request

from longspan.serving.web.streams import streamed


def test_a_ticket_is_given_up_where_nothing_was_sent():
    async def work():
        ticket = ScriptedTicket(saying("All is well."))
        gone = asyncio.Event()

        async def receive():
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            gone.set()
            await asyncio.sleep(60)

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/",
            "headers": [],
            "asgi": {"spec_version": "2.3"},
        }
        answer = await streamed(
            Request(scope, receive), ticket, lambda event: [b"x"], lambda refused: [], ping=1
        )
        await asyncio.wait_for(answer(scope, receive, send), 10)
        return ticket.cancelled

    assert asyncio.run(work())
