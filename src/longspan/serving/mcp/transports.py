"""How agents reach the tools: over HTTP at /mcp beside the other protocols, or by standard input and output."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from longspan.serving.desk import Desk
from longspan.serving.mcp.tools import GONE, tools_of
from longspan.serving.web.front import Front

PATH = "/mcp"


def mounted(front: Front, body: int) -> tuple[BaseRoute, Callable[[], AbstractAsyncContextManager[None]]]:
    """The route of the tools behind an application's guards, and what must run while it serves.

    body: bytes of a request. Names of hosts and origins are checked by the guards.
    """
    server = tools_of(front)
    inner = server.streamable_http_app(
        streamable_http_path=PATH,
        max_request_body_size=body,
        max_sessions=1000,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    return Route(PATH, endpoint=_Owned(_endpoint(inner))), server.session_manager.run


def _endpoint(app: Starlette) -> ASGIApp:
    return next(each.endpoint for each in app.routes if isinstance(each, Route) and each.path == PATH)


class _Owned:
    """Binds a session to the key that opened it, and tells the tools when a client goes away."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        owner = str(scope.get("state", {}).get("owner", ""))
        scope["user"] = AuthenticatedUser(AccessToken(token=owner, client_id=owner, scopes=[]))
        gone = scope[GONE] = asyncio.Event()

        async def receiving() -> Message:
            message = await receive()
            if message["type"] == "http.disconnect":
                gone.set()
            return message

        await self._app(scope, receiving, send)


async def by_stdio(desk: Desk) -> None:
    """Serves whoever started this process until standard input ends. Nothing else may write to standard output."""
    await tools_of(Front(desk=desk)).run_stdio_async()
