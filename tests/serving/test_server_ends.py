"""A server ends as it is told: what runs ends, or is told why it does not; at a second signal it ends at once."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time

import httpx
import pytest
import uvicorn
from shell import sent

import longspan
from longspan.serving.local import Limits, LocalDesk
from longspan.serving.web import running
from longspan.serving.web.app import create_app
from longspan.serving.web.settings import Settings

LONG = {"messages": [{"role": "user", "content": "Tell all."}], "stream": True, "max_tokens": 900, "n": 8}


class Ending:
    """A server of a small model in this process, whose signals are calls."""

    def __init__(self, folder, grace: float) -> None:
        self.model, self.grace = longspan.load(folder), grace
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self.thread.start()
        until = time.monotonic() + 30
        while not getattr(self, "server", None) or not self.server.started:
            assert time.monotonic() < until
            time.sleep(0.02)
        port = self.server.servers[0].sockets[0].getsockname()[1]
        self.root = f"http://127.0.0.1:{port}"

    async def _run(self) -> None:
        desk = LocalDesk(self.model, limits=Limits(chunk=32))
        config = uvicorn.Config(create_app(desk, Settings(log=False)), port=0, log_level="error")
        config.timeout_graceful_shutdown = 2
        self.server = running.Server(config, desk, self.grace)
        await self.server.serve()

    def signal(self) -> None:
        self.server.handle_exit(signal.SIGTERM, None)


def begun(root: str, into: list[str]) -> threading.Thread:
    """A stream of which something has come, and which goes on in a thread."""
    first = threading.Event()

    def read() -> None:
        with httpx.stream("POST", f"{root}/v1/chat/completions", json=LONG | {"n": 2}, timeout=60) as answer:
            for line in answer.iter_lines():
                into.append(line)
                if len(into) > 20:
                    first.set()
        first.set()

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    assert first.wait(30)
    return thread


def test_what_runs_ends_and_nothing_more_is_taken(small_folder):
    ending, lines = Ending(small_folder, 30), []
    thread = begun(ending.root, lines)
    ending.signal()
    until = time.monotonic() + 10
    while (health := httpx.get(f"{ending.root}/health")).status_code == 200 and time.monotonic() < until:
        time.sleep(0.01)
    assert (health.status_code, health.json()["status"]) == (503, "unavailable")
    refused = httpx.post(f"{ending.root}/v1/chat/completions", json=LONG)
    assert refused.status_code == 503
    assert "retry-after" in refused.headers
    thread.join(60)
    ending.thread.join(10)
    assert not ending.thread.is_alive()
    assert sent("\n".join(lines))[-1] == "[DONE]"


def test_a_second_signal_ends_it_at_once(small_folder, monkeypatch):
    ending, ended = Ending(small_folder, 30), []
    monkeypatch.setattr(running.os, "_exit", ended.append)
    ending.signal()
    assert ended == []
    ending.signal()
    assert ended == [130]
    ending.thread.join(10)
    assert not ending.thread.is_alive()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of this kind are not Windows'")
def test_the_command_tells_streams_that_it_ends_and_ends_well(small_folder):
    command = [sys.executable, "-m", "longspan", "serve", "--model", str(small_folder), "--port", "0"]
    options = ["--grace", "0.1", "--contexts", "0", "--memory", "1GB", "--api-key", "key-of-somebody"]
    process = subprocess.Popen(
        [*command, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        root = next(line.split()[1].rstrip("/") for line in process.stdout if line.startswith("page"))
        assert httpx.get(f"{root}/v1/models").status_code == 401
        lines: list[str] = []
        monkey = httpx.Client(headers={"authorization": "Bearer key-of-somebody"}, timeout=60)
        with monkey.stream("POST", f"{root}/v1/chat/completions", json=LONG) as answer:
            assert answer.status_code == 200
            for line in answer.iter_lines():
                lines.append(line)
                if len(lines) == 20:
                    process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
    last = sent("\n".join(lines))[-1]
    assert last["error"]["code"] == "overloaded"
    logged = process.stderr.read()
    assert "Tell all" not in logged
    assert '"path": "/v1/chat/completions"' in logged
    assert "Traceback" not in logged
