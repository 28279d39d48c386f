"""What every request passes before a route sees it: names, pages elsewhere, keys, sizes."""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import time
import traceback
from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from longspan.serving.refused import Refused
from longspan.serving.web.keys import Keys
from longspan.serving.web.logs import LOGGER
from longspan.serving.web.settings import Settings

PUBLIC = ("/health", "/")
"""What is shown without a key, and all of the page, whose files hold nothing of anybody."""
_READING = ("GET", "HEAD", "OPTIONS")
_PATIENCE = 30.0

Said = Callable[[Scope, Refused], Response]
"""A refusal in the words of the protocol that was spoken."""


class Guards:
    """Refuses what must not come in, and says so in the client's own protocol.

    A page elsewhere cannot ask by a name that it has made lead here, nor by its own; only what `Settings` allows.
    """

    def __init__(self, app: ASGIApp, *, settings: Settings, keys: Keys, said: Said) -> None:
        self._app, self._settings, self._keys, self._said = app, settings, keys, said

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        state = scope.setdefault("state", {})
        state["id"] = f"req_{secrets.token_hex(12)}"
        allowed = headers.get("origin") if headers.get("origin") in self._settings.origins else None

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                _mark(MutableHeaders(scope=message), state["id"], allowed)
            await send(message)

        try:
            self._check(scope, headers, allowed)
            if allowed and scope["method"] == "OPTIONS":
                await _preflight(headers)(scope, receive, sending)
                return
            state["owner"] = self._owner(scope, headers)
            receiving = _Bounded(receive, self._largest(headers), self._settings.pace)
            receiving.expect(headers.get("content-length"))
        except Refused as refused:
            await self._said(scope, refused)(scope, receive, sending)
            return
        try:
            await self._app(scope, receiving, sending)
        except ClientDisconnect:
            return
        except (
            Exception
        ) as error:  # has been answered; raised on, it would be written with what it says of a client
            trace = "".join(traceback.format_tb(error.__traceback__))
            LOGGER.error("%s: %s\n%s", state["id"], type(error).__name__, trace)

    def _check(self, scope: Scope, headers: Headers, allowed: str | None) -> None:
        host = headers.get("host", "")
        if not self._known(host):
            raise Refused(
                f"this server is not known as {host[:80]!r}; call it by its address, or have the name allowed",
                kind="forbidden",
                code="host_not_allowed",
            )
        origin = headers.get("origin")
        own = (f"http://{host}".lower(), f"https://{host}".lower())
        foreign = origin is not None and allowed is None and origin.lower() not in own
        if foreign and scope["method"] not in _READING:
            raise Refused(
                f"pages of {str(origin)[:80]!r} may not ask this server; have the origin allowed",
                kind="forbidden",
                code="origin_not_allowed",
            )

    def _known(self, host: str) -> bool:
        """A name can be made to lead here by anybody who owns it; an address in numbers cannot."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if "*" in self._settings.hosts or name in (
            "localhost",
            *(each.lower() for each in self._settings.hosts),
        ):
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def _owner(self, scope: Scope, headers: Headers) -> str:
        path = scope["path"]
        if scope["method"] in _READING and (path in PUBLIC or path.startswith("/page/")):
            return ""
        client = scope.get("client")
        return self._keys.owner(headers, client[0] if client else "")

    def _largest(self, headers: Headers) -> int:
        file = headers.get("content-type", "").lower().startswith("multipart/")
        return self._settings.upload if file else self._settings.body


class _Bounded:
    """What comes of a request, no more of it and no slower than is allowed."""

    def __init__(self, receive: Receive, largest: int, pace: int) -> None:
        self._receive, self._largest, self._pace = receive, largest, pace
        self._began, self._taken, self._whole = time.monotonic(), 0, False

    def expect(self, length: str | None) -> None:
        """Raises Refused where more is announced than is allowed."""
        if length is not None and length.isdecimal() and int(length) > self._largest:
            raise self._too_large()

    async def __call__(self) -> Message:
        if self._whole:
            return await self._receive()
        left = self._began + _PATIENCE + self._taken / self._pace - time.monotonic()
        try:
            message = await asyncio.wait_for(self._receive(), max(left, 0))
        except TimeoutError:
            raise Refused("the request comes too slowly; send it again", kind="slow") from None
        if message["type"] == "http.request":
            self._taken += len(message.get("body", b""))
            self._whole = not message.get("more_body", False)
            if self._taken > self._largest:
                raise self._too_large()
        return message

    def _too_large(self) -> Refused:
        return Refused(
            f"the request is larger than the {self._largest / 2**20:,.0f} MiB that are allowed; send less, or make "
            "contexts of several files",
            kind="too_large",
        )


def _mark(headers: MutableHeaders, name: str, allowed: str | None) -> None:
    headers["x-request-id"] = headers["request-id"] = name
    headers.setdefault("x-content-type-options", "nosniff")
    headers.setdefault("cache-control", "no-store")
    if allowed is not None:
        headers["access-control-allow-origin"] = allowed
        headers["vary"] = "origin"
        headers["access-control-expose-headers"] = "x-request-id, retry-after"


def _preflight(headers: Headers) -> Response:
    asked = headers.get("access-control-request-headers", "")
    names = [each.strip().lower() for each in asked.split(",")]
    simple = [each for each in names if each and all(letter.isalnum() or letter == "-" for letter in each)]
    return Response(
        status_code=204,
        headers={
            "access-control-allow-methods": "GET, POST, DELETE",
            "access-control-allow-headers": ", ".join(simple[:40]),
            "access-control-max-age": "600",
        },
    )
