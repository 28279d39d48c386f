"""Servers with the routes of Anthropic's protocol."""

from __future__ import annotations

import anthropic
import pytest
from keyed import keyed_app
from loopback import served
from scripted_desk import ScriptedDesk

import longspan
from longspan.serving.anthropic import router
from longspan.serving.anthropic.wording import worded
from longspan.serving.local import Limits, LocalDesk
from longspan.serving.web.front import Front


def address_of(desk):
    """Serves a desk; the address without its version, as the client wants it."""
    return served(lambda: (keyed_app(worded, router(Front(desk=desk, ping=0.05))), desk.close))


@pytest.fixture(scope="module")
def small(small_folder):
    """A client of a server with a small model."""

    def make():
        desk = LocalDesk(longspan.load(small_folder), name="small", limits=Limits(chunk=32, answer=16))
        return keyed_app(worded, router(Front(desk=desk))), desk.close

    with served(make) as address, client_of(address) as client:
        yield client


@pytest.fixture(scope="module")
def scripted():
    """The address of a server that answers by a script, and its desk."""
    desk = ScriptedDesk()
    with address_of(desk) as address:
        yield address, desk


@pytest.fixture
def desk(scripted):
    """The desk, as if it were new."""
    made = ScriptedDesk()
    scripted[1].__dict__.update(made.__dict__)
    return scripted[1]


@pytest.fixture(scope="module")
def client(scripted):
    """A client of the scripted server."""
    with client_of(scripted[0]) as client:
        yield client


def client_of(address, key="mine"):
    return anthropic.Anthropic(base_url=address.removesuffix("/v1"), api_key=key, max_retries=0)
