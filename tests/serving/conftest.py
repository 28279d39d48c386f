"""What tests of the server share; more of it lies beside this file, where all of them find it."""

from __future__ import annotations

import pytest
from keyed import serving
from scripted_desk import ScriptedDesk


@pytest.fixture(scope="module")
def scripted():
    """The address of a server that answers by a script, and its desk."""
    desk = ScriptedDesk()
    with serving(lambda: desk) as address:
        yield address, desk


@pytest.fixture
def desk(scripted):
    """The desk, as if it were new."""
    scripted[1].__dict__.update(vars(ScriptedDesk()))
    return scripted[1]
