"""A line for each request, of sizes and times; nothing of what was said unless that is asked for."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOGGER = logging.getLogger("longspan.serving")
_SHOWN = 10_000


def to_stderr() -> None:
    """Has the lines written on standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    LOGGER.handlers, LOGGER.propagate = [handler], False
    LOGGER.setLevel(logging.INFO)


class Logs:
    """Writes a JSON line when a request has ended. prompts: whether what was sent stands in it."""

    def __init__(self, app: ASGIApp, *, prompts: bool = False) -> None:
        self._app, self._prompts = app, prompts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status, sent, body = time.perf_counter(), 0, 0, bytearray()

        async def sending(message: Message) -> None:
            nonlocal status, sent
            status = message.get("status", status)
            sent += len(message.get("body", b""))
            await send(message)

        async def receiving() -> Message:
            message = await receive()
            if self._prompts and len(body) < _SHOWN:
                body.extend(message.get("body", b"")[: _SHOWN - len(body)])
            return message

        try:
            await self._app(scope, receiving, sending)
        finally:
            state = scope.get("state", {})
            line: dict[str, Any] = {
                "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "id": state.get("id", ""),
                "owner": state.get("owner", "")[:8],
                "method": scope["method"][:16],
                "path": scope["path"][:120],
                "status": status,
                "seconds": round(time.perf_counter() - began, 3),
                "bytes": sent,
            }
            if self._prompts:
                line["body"] = body.decode("utf-8", "replace")
            LOGGER.info(json.dumps(line))
