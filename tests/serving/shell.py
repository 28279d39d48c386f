"""The whole server in front of a desk that answers from a script, on a port of this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from loopback import served
from scripted_desk import ScriptedDesk

from longspan.serving.web.app import create_app
from longspan.serving.web.settings import Settings

KEYS = ("key-of-the-first", "key-of-the-second")


@contextmanager
def shell(desk: ScriptedDesk, **settings) -> Iterator[str]:
    """Its address, without a path."""
    told = Settings(**{"log": False, **settings})
    with served(lambda: (create_app(desk, told), desk.close)) as address:
        yield address.removesuffix("/v1")


def client(root: str, key: str = KEYS[0], **more) -> httpx.Client:
    """Somebody who asks with a key."""
    return httpx.Client(base_url=root, headers={"authorization": f"Bearer {key}"}, timeout=20, **more)


def sent(text: str) -> list:
    """The data of server-sent events, JSON read."""
    data = [each.removeprefix("data: ") for each in text.split("\n\n") if each.startswith("data: ")]
    return [each if each == "[DONE]" else json.loads(each) for each in data]
