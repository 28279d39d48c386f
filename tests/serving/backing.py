"""Desks over scripted engines, and what is asked of them."""

import asyncio

from loopback import served
from scripted_engines import ScriptedEngine

from longspan.serving.asked import Asked, Turn
from longspan.serving.backend import BackendDesk
from longspan.serving.backend.engine import opened
from longspan.serving.events import Spoken
from longspan.spans import Document

LOG = Document("log.txt", "Keeper Ada lit the lamp at dusk. The tide was high.")


def with_desk(engine, work, texts=None, **told):
    """What comes of work on a desk over an engine, which is served on loopback."""

    async def run(address):
        found = await opened(address, seconds=10, **told)
        desk = BackendDesk(found, texts=texts)
        try:
            return await asyncio.wait_for(work(desk), 30)
        finally:
            await desk.close(0)

    with served(lambda: (engine.app, engine.close)) as address:
        return asyncio.run(run(address))


async def heard(ticket):
    return [event async for event in ticket]


def question(text="Who lit the lamp?", **more):
    return Asked(**{"owner": "a", "turns": [Turn(role="user", text=text)]} | more)


def said(events):
    return "".join(each.text for each in events if isinstance(each, Spoken) and not each.reasoning)


def the(kind, events):
    return next(each for each in events if isinstance(each, kind))


def answered(script, asked, **engine):
    behind = ScriptedEngine(script, **engine)

    async def work(desk):
        return await heard(await desk.ask(asked))

    return behind, with_desk(behind, work)
