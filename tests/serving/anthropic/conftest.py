"""Clients of servers with Anthropic's protocol."""

from __future__ import annotations

import pytest
from keyed import messages_client, serving

import longspan
from longspan.serving.admission import Limits
from longspan.serving.local import LocalDesk


@pytest.fixture(scope="module")
def small(small_folder):
    """A client of a server with a small model."""

    def make():
        return LocalDesk(longspan.load(small_folder), name="small", limits=Limits(chunk=32, answer=16))

    with serving(make) as address, messages_client(address) as client:
        yield client


@pytest.fixture(scope="module")
def client(scripted):
    """A client of the scripted server."""
    with messages_client(scripted[0]) as client:
        yield client
