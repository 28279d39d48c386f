"""Requests as people send them to a server of OpenAI's protocol, at times that do not wait for it, each with a word of
its own."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

WORDS = 0.68
"""Words to a token of these texts."""
_NAMES = ("Ida", "Bruno", "Clara", "Dario", "Elsa", "Felix", "Greta", "Hugo")
_PLACES = (
    "harbour",
    "mill",
    "orchard",
    "chapel",
    "quarry",
    "meadow",
    "tower",
    "bridge",
    "cellar",
    "garden",
    "market",
    "stable",
)
_DEEDS = ("paints", "mends", "counts", "hides", "guards", "sells", "weighs", "cleans", "repairs", "carries")
_THINGS = ("ropes", "lamps", "barrels", "clocks", "windows", "maps", "boats", "coins", "letters", "shutters")


@dataclass(kw_only=True)
class Sent:
    """A request and what came of it. due: when it was to be sent, in seconds from the beginning. at: when a piece of
    text came, in seconds after that."""

    number: int
    due: float
    tokens: int
    answer: int
    word: str
    leaves: bool = False
    at: list[float] = field(default_factory=list)
    text: str = ""
    error: str = ""
    reason: str = ""
    usage: dict[str, Any] = field(default_factory=dict)

    @property
    def gap(self) -> float:
        """The longest silence within the answer."""
        return max((b - a for a, b in zip(self.at, self.at[1:], strict=False)), default=0.0)

    @property
    def prompt(self) -> str:
        """Its text, which holds its word once."""
        return prompt_of(self.tokens, self.number, self.word)


def secret(number: int) -> str:
    """A word of a request's own."""
    draw = random.Random(number * 7919 + 13)  # noqa: S311
    return "".join(draw.choice("bdfgklmnprstvz") + draw.choice("aeiou") for _ in range(4))


def prompt_of(tokens: int, number: int, word: str) -> str:
    """About so many tokens, no two alike from their beginning, that tell a word in the middle and ask for it."""
    draw = random.Random(number)  # noqa: S311
    lines = []
    while sum(len(each.split()) for each in lines) < tokens * WORDS - 40:
        name = draw.choice(_NAMES)
        lines.append(
            f"{name} {draw.choice(_DEEDS)} the {draw.choice(_THINGS)} in the {draw.choice(_PLACES)} on day "
            f"{draw.randrange(999)}."
        )
    lines.insert(len(lines) // 2, f"The password of reader {number} is {word}.")
    asked = f"What is the password of reader {number}? Answer, then say more about the notes."
    return f"Notes of reader {number}. {' '.join(lines)}\n\n{asked}"


def mixed(rate: float, seconds: float, seed: int, leaving: float) -> list[Sent]:
    """Arrivals at random: four in five of 200 to 800 tokens, the others up to 4,000 and 7,500; answers of 24 to 96."""
    draw, due, found = random.Random(seed), 0.0, []  # noqa: S311
    while (due := due + draw.expovariate(rate)) < seconds:
        low, high = draw.choices(((200, 800), (2000, 4000), (5000, 7500)), (80, 15, 5))[0]
        number = len(found) + 1 + seed * 10_000
        found.append(
            Sent(
                number=number,
                due=due,
                tokens=draw.randint(low, high),
                answer=draw.randint(24, 96),
                word=secret(number),
                leaves=draw.random() < leaving,
            )
        )
    return found


async def send(client: httpx.AsyncClient, model: str, sent: Sent, began: float, more: dict[str, Any]) -> Sent:
    """Sends a request when it is due, and notes what comes when."""
    await asyncio.sleep(max(0.0, began + sent.due - time.perf_counter()))
    fields = {
        "model": model,
        "messages": [{"role": "user", "content": sent.prompt}],
        "max_tokens": sent.answer,
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
    } | more
    try:
        async with client.stream("POST", "/v1/chat/completions", json=fields) as answer:
            if answer.status_code != 200:
                sent.error = f"{answer.status_code} {(await answer.aread()).decode()[:200]}"
                return sent
            async for line in answer.aiter_lines():
                if not line.startswith("data: ") or line == "data: [DONE]":
                    continue
                _take(sent, json.loads(line[6:]), time.perf_counter() - began - sent.due)
                if sent.leaves and len(sent.at) > 3:
                    return sent
    except (httpx.HTTPError, ValueError) as error:
        sent.error = f"{type(error).__name__} {error}"
    return sent


def _take(sent: Sent, chunk: dict[str, Any], now: float) -> None:
    if "error" in chunk:
        sent.error = json.dumps(chunk["error"])
    sent.usage = chunk.get("usage") or sent.usage
    for choice in chunk.get("choices", ()):
        sent.reason = choice.get("finish_reason") or sent.reason
        if text := (choice.get("delta") or {}).get("content"):
            sent.text += text
            sent.at.append(now)


async def run(
    address: str, model: str, requests: Sequence[Sent], more: dict[int, dict[str, Any]] | None = None
) -> list[Sent]:
    """All requests, each at its time."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=address, timeout=1200, limits=limits) as client:
        began = time.perf_counter()
        tasks = (send(client, model, each, began, (more or {}).get(each.number, {})) for each in requests)
        return list(await asyncio.gather(*tasks))


def crossed(requests: Sequence[Sent]) -> list[int]:
    """Those whose answers hold the word of another."""
    words = {each.word: each.number for each in requests}
    found = []
    for each in requests:
        said = set(re.findall(r"[a-z]+", each.text.lower()))
        if any(words[word] != each.number for word in said & words.keys()):
            found.append(each.number)
    return found


def share(values: Sequence[float], part: float) -> float:
    """The value below which so much of them lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0.0


@contextmanager
def server(command: Sequence[str], ready: str, seconds: float = 300) -> Iterator[tuple[str, int]]:
    """A server as a process of its own: its address and number. ready: a pattern whose group is the address."""
    with tempfile.NamedTemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            yield _address(process, Path(output.name), ready, time.monotonic() + seconds), process.pid
        finally:
            _stop(process)


def _address(process: subprocess.Popen[bytes], output: Path, ready: str, until: float) -> str:
    while not (match := re.search(ready, output.read_text(errors="replace"))):
        if process.poll() is not None or time.monotonic() > until:
            sys.exit(f"a server did not start:\n{output.read_text(errors='replace')[-3000:]}")
        time.sleep(0.05)
    return match[1]


def _stop(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)


def memory(number: int) -> int:
    """Bytes that a process holds itself."""
    with open(f"/proc/{number}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("RssAnon"))
