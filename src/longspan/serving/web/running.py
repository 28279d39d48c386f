"""A server on a port, from its start to a graceful end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from longspan.serving.desk import Desk
from longspan.serving.web.patient import Patient


class Server(uvicorn.Server):
    """Ends at a signal: it takes nothing more, lets what runs end within `grace` seconds, and tells the others why they
    do not. At a second signal it ends at once."""

    def __init__(self, config: uvicorn.Config, desk: Desk, grace: float) -> None:
        super().__init__(config)
        self._desk, self._grace = desk, grace
        self._ending: asyncio.Task[None] | None = None
        self._asked = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal has come."""
        if self._asked:
            os._exit(130)
        self._asked = True
        self._loop.call_soon_threadsafe(self._begin_to_end)

    async def serve(self, *args: object, **more: object) -> None:
        """Until it ends."""
        self._loop = asyncio.get_running_loop()
        await super().serve(*args, **more)  # type: ignore[arg-type]
        if self._ending is None:
            await self._desk.close(0)

    def _begin_to_end(self) -> None:
        self._ending = asyncio.create_task(self._end())

    async def _end(self) -> None:
        try:
            await self._desk.close(self._grace)
            await asyncio.sleep(0.2)  # what was told last is sent
        finally:
            self.should_exit = True


def serve(
    make: Callable[[], Awaitable[tuple[Desk, ASGIApp]]],
    *,
    host: str,
    port: int,
    grace: float,
    started: Callable[[str], None],
) -> None:
    """Serves until a signal comes. make: the desk and its application, made on the loop. started: told the address."""

    async def run() -> None:
        desk, app = await make()
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            http=Patient,
            log_level="error",
            access_log=False,
            server_header=False,
            timeout_keep_alive=60,
            timeout_graceful_shutdown=2,
            limit_concurrency=1000,
            h11_max_incomplete_event_size=2**16,
            lifespan="on",
        )
        server = Server(config, desk, grace)
        announcing = asyncio.create_task(_announced(server, started))
        try:
            await server.serve()
        finally:
            announcing.cancel()

    asyncio.run(run())


async def _announced(server: uvicorn.Server, started: Callable[[str], None]) -> None:
    while not server.started:
        await asyncio.sleep(0.02)
    host, port = server.servers[0].sockets[0].getsockname()[:2]
    started(f"http://{f'[{host}]' if ':' in host else host}:{port}")
