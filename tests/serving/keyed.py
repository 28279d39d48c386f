"""An app in which each key is an owner of its own, in either form that clients send it in."""

from __future__ import annotations

from fastapi import FastAPI, Request
from starlette.responses import JSONResponse

from longspan.serving.refused import Refused


class Owned:
    """Says who asks."""

    def __init__(self, app) -> None:
        self.app = app

    async def __call__(self, scope, receive, send) -> None:
        headers = dict(scope.get("headers", ()))
        key = headers.get(b"authorization", b"").removeprefix(b"Bearer ") or headers.get(b"x-api-key", b"")
        scope.setdefault("state", {}).update(owner=key.decode(), request_id="req_1")
        await self.app(scope, receive, send)


def keyed_app(worded, *routers) -> FastAPI:
    """An app with these routes, and refusals in these words."""
    app = FastAPI()
    app.add_middleware(Owned)

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> JSONResponse:
        status, body = worded(error, "req_1")
        return JSONResponse(body, status, headers={"request-id": "req_1", "x-request-id": "req_1"})

    for each in routers:
        app.include_router(each)
    return app
