"""What programs try in a sandbox: none gets out, none takes more than it is given, and the host stays as it is."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from attempts import LOCKED, ROWS

from longspan.errors import SandboxError
from longspan.sandbox import Function, Limits, open_sandbox

SECONDS = 0.2
TOKEN = "c3a9e1f7-the-secret-of-the-host"  # noqa: S105
LIMITS = {"time", "memory", "calls", "died"}
EACH = [
    pytest.param(kind, row, id=f"{kind}-{row[0]}-{row[1]}")
    for kind, rows in (
        ("monty", [(number, what, code, end) for number, what, code, end, _ in ROWS]),
        ("locked", [(number, what, code, end) for number, what, code, _, end in ROWS] + LOCKED),
    )
    for row in rows
]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A secret file, a place where nothing may appear, and somebody who listens."""
    folder = tmp_path_factory.mktemp("world")
    secret = folder / "secret.txt"
    secret.write_text(TOKEN)
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("LONGSPAN_TOKEN", TOKEN)
        server.setblocking(False)
        names = {
            "FILE": str(secret),
            "MARK": str(folder / "mark"),
            "PORT": server.getsockname()[1],
            "HOST": os.getpid(),
        }
        yield names, folder / "mark", server


@pytest.fixture(scope="module")
def sandboxes(world):
    opened = {}

    def get(kind):
        if kind not in opened:
            try:
                ask = Function(call=lambda text: text.upper(), takes={"text": "text"}, needs=1)
                opened[kind] = open_sandbox(
                    world[0], {"ask": ask}, Limits(seconds=SECONDS, memory=64 << 20, output=2000), kind
                )
            except SandboxError as error:
                pytest.skip(str(error))
        return opened[kind]

    yield get
    for each in opened.values():
        each.close()


def host():
    """What of this process a program could have changed."""
    return (
        os.getcwd(),
        sys.stdout,
        dict(os.environ),
        [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)],
        threading.active_count(),
    )


def nothing_got_out(world, result):
    _, mark, server = world
    assert TOKEN not in f"{result.out}{result.err}{result.value}"
    assert not mark.exists()
    with pytest.raises(BlockingIOError):
        server.accept()


@pytest.mark.parametrize(("kind", "row"), EACH)
def test_an_attempt_is_contained(kind, row, sandboxes, world):
    _, _, code, end = row
    sandbox, before = sandboxes(kind), host()
    began = time.monotonic()
    result = sandbox.run(code)
    assert time.monotonic() - began < SECONDS + 1.5
    nothing_got_out(world, result)
    assert host() == before
    assert len(result.out) < 4 * 2000
    assert len(result.err) < 5000
    assert not any(character in result.out for character in "\0\x1b\x07\u202e\ud800")
    if end == "any limit":
        assert result.why in LIMITS
    elif end.endswith(("Error", "Exit")):
        assert (result.why, result.lost) == ("raised", False)
        assert end in result.err
    elif end != "any":
        assert result.why == end, result
    assert result.lost == (result.why in LIMITS)
    assert sandbox.run("ask('still here')").value == "STILL HERE"


WORKING = (1, 2, 4, 6, 7, 11, 18, 20, 21, 25, 26, 27, 28, 29, 32, 33, 50, 54, 55)
"""Attempts that do what they say where there are no walls."""


def test_the_attempts_are_real(world, tmp_path):
    """Without walls each of them reads the secret, leaves a mark or is let in."""
    names, _, server = world
    for number, _, code, _, _ in ROWS:
        if number in WORKING:
            mark = tmp_path / str(number)
            given = f"FILE, MARK, PORT = {names['FILE']!r}, {str(mark)!r}, {names['PORT']}\n"
            ran = subprocess.run([sys.executable, "-c", given + code], capture_output=True, text=True)
            let_in = number == 26 and server.accept()
            assert TOKEN in ran.stdout or mark.exists() or let_in, (number, ran.stderr)
