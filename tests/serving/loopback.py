"""Servers on this machine, which official clients talk to."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI, Request
from starlette.responses import JSONResponse

from longspan.serving.openai import router
from longspan.serving.openai.wording import worded
from longspan.serving.refused import Refused
from longspan.serving.web.front import Front


def app_of(desk, encoder=None, **front) -> FastAPI:
    """An app with these routes and nothing else."""
    app = FastAPI()

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> JSONResponse:
        status, body = worded(error, "req_1")
        headers = {"x-request-id": "req_1"}
        if error.retry_after is not None:
            headers["retry-after"] = str(round(error.retry_after))
        return JSONResponse(body, status, headers=headers)

    app.include_router(router(Front(desk=desk, **front), encoder))
    return app


@contextmanager
def served(make, **config) -> Iterator[str]:
    """Serves the app that `make` gives on the server's loop; its address. config: more for uvicorn."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(FastAPI(), log_level="error", lifespan="off", **config))

    async def run() -> None:
        app, close = make()
        server.config.app = app
        try:
            await server.serve([listening])
        finally:
            await close(0)

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
    finally:
        server.should_exit = True
        thread.join(20)
