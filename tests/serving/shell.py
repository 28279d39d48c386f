"""The whole server in front of a desk that answers from a script, on a port of this machine."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import httpx
from loopback import served
from scripted_desk import ScriptedDesk

from longspan.serving.web.app import create_app
from longspan.serving.web.patient import Patient
from longspan.serving.web.settings import Settings

KEYS = ("key-of-the-first", "key-of-the-second")


@contextmanager
def shell(desk: ScriptedDesk, **settings) -> Iterator[str]:
    """Its address, without a path."""
    told = Settings(**{"log": False, **settings})
    config = {"http": Patient, "server_header": False, "access_log": False}
    with served(lambda: (create_app(desk, told), desk.close), **config) as address:
        yield address.removesuffix("/v1")


TRUSTED = httpx.create_ssl_context()
"""Read once, as every client would read it, and none here needs it."""


def client(root: str = "", key: str = KEYS[0]) -> httpx.Client:
    """Somebody who asks with a key, or with none."""
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return httpx.Client(base_url=root, headers=headers, timeout=20, verify=TRUSTED)


def sent(text: str) -> list:
    """The data of server-sent events, JSON read."""
    data = [each.removeprefix("data: ").strip() for each in text.split("\n\n") if each.startswith("data: ")]
    return [each if each == "[DONE]" else json.loads(each) for each in data]


@contextmanager
def connection(root: str) -> Iterator[socket.socket]:
    """Bytes to the server and back, as they are."""
    parts = urlsplit(root)
    with socket.create_connection((parts.hostname, parts.port), timeout=15) as own:
        yield own


def received(own: socket.socket) -> bytes:
    """All that comes until the server closes, or has told the length of a whole answer."""
    data = b""
    while True:
        try:
            piece = own.recv(65536)
        except TimeoutError:
            raise
        except OSError:  # it was hung up on
            return data
        if not piece:
            return data
        data += piece
        head, _, rest = data.partition(b"\r\n\r\n")
        length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length: ")]
        if length and len(rest) >= int(length[0].split()[1]):
            return data


def answered(root: str, request: bytes) -> bytes:
    """What comes for bytes, after which nothing more is sent; nothing, where the server hangs up before."""
    with connection(root) as own:
        with suppress(OSError):
            own.sendall(request)
            own.shutdown(socket.SHUT_WR)
        return received(own)


def status(answer: bytes) -> int:
    """Of an answer by HTTP, 0 for none."""
    return int(answer.split()[1]) if answer.startswith(b"HTTP/1.1 ") else 0
