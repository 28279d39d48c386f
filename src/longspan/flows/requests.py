"""Requests that are made again while a server is away: one after another, or several of which the rest is cancelled."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A request, and the seconds that are waited before it."""

    pause: float
    request: dict[str, Any]
    """As httpx takes it: method, url and the rest."""


Attempts = Generator[Attempt, httpx.Response, dict[str, Any]]
"""Is given the reply to each attempt, or what was wrong with it, and returns the answer."""

Came = Callable[[int, "dict[str, Any] | Exception", float], bool]
"""Told of an answer, by its number, or of what was wrong with it, and of its seconds; says whether it was enough."""

_WRONG = (httpx.HTTPError, httpx.InvalidURL, UnicodeError)


def answered(attempts: Attempts) -> dict[str, Any]:
    """The answer, waited for. Raises what the attempts do."""
    attempt = next(attempts)
    try:
        while True:
            time.sleep(attempt.pause)
            try:
                reply = httpx.request(**attempt.request)
            except _WRONG as error:
                attempt = attempts.throw(error)
            else:
                attempt = attempts.send(reply)
    except StopIteration as done:
        return dict(done.value)


def race(runners: Sequence[Attempts], parallel: int, came: Came) -> None:
    """Several side by side, until each has come, or one of them was enough; the others are then cancelled."""
    work = _race(runners, parallel, came)
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(work)
        return
    with ThreadPoolExecutor(1) as pool:  # whoever runs a loop here waits for it
        pool.submit(asyncio.run, work).result()


async def _race(runners: Sequence[Attempts], parallel: int, came: Came) -> None:
    gate = asyncio.Semaphore(parallel)
    async with httpx.AsyncClient() as client:

        async def run(number: int) -> tuple[int, dict[str, Any] | Exception, float]:
            async with gate:
                began = time.perf_counter()
                try:
                    found: dict[str, Any] | Exception = await _answered(runners[number], client)
                except Exception as error:  # told to whoever asked
                    found = error
                return number, found, time.perf_counter() - began

        going = {asyncio.create_task(run(number)) for number in range(len(runners))}
        try:
            while going:
                done, going = await asyncio.wait(going, return_when=asyncio.FIRST_COMPLETED)
                enough = [came(*each.result()) for each in done]
                if any(enough):
                    break
        finally:
            for each in going:
                each.cancel()
            await asyncio.gather(*going, return_exceptions=True)


async def _answered(attempts: Attempts, client: httpx.AsyncClient) -> dict[str, Any]:
    attempt = next(attempts)
    try:
        while True:
            await asyncio.sleep(attempt.pause)
            try:
                reply = await client.request(**attempt.request)
            except _WRONG as error:
                attempt = attempts.throw(error)
            else:
                attempt = attempts.send(reply)
    except StopIteration as done:
        return dict(done.value)
