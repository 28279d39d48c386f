"""Servers with the routes of OpenAI's protocol."""

from __future__ import annotations

import pytest
from loopback import app_of, served
from scripted_desk import ScriptedDesk

import longspan
from longspan.serving.local import Limits, LocalDesk


@pytest.fixture(scope="module")
def small(small_folder):
    """The address of a server with a small model."""

    def make():
        model = longspan.load(small_folder)
        desk = LocalDesk(model, name="small", limits=Limits(chunk=32, answer=16))
        return app_of(desk), desk.close

    with served(make) as address:
        yield address


@pytest.fixture(scope="module")
def scripted():
    """The address of a server that answers by a script, and its desk."""
    desk = ScriptedDesk()
    with served(lambda: (app_of(desk, ping=0.05), desk.close)) as address:
        yield address, desk
