"""A server under load: arrivals that do not wait, streams side by side, a book read meanwhile, beside other servers.

    python benchmarks/serving.py [--minutes 10] [--rate 0.3] [--only streams,book,load,alone,again] [--out FILE]
        [--beside 'NAME=COMMAND' --beside-model NAME ...]

`streams`: tokens a second of one answer and of eight. `book`: short requests and one long answer while a prompt of
32,000 tokens is read, beside the same on an idle server. `load`: arrivals at random for some minutes, a tenth of whose
clients leave in the middle; what was lost, cut or crossed, and the memory every 15 seconds. `alone`: some
of these requests again, one at a time; whether the answers are the same. `again`: the first and the second question of
a context of 8,000 tokens, and after a kill and a new start.

COMMAND starts another server of OpenAI's protocol that says its address, with {port} for the port that it is to use;
`streams` and a minute of `load` are then sent to both in turn.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import shlex
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
from load import Sent, crossed, memory, mixed, run, secret, send, server, share

BOOK = 32_000
ADDRESS = r"OpenAI +(http://\S+)/v1"


def requests(count: int, tokens: int, answer: int, *, every: float = 0.0, first: int = 1) -> list[Sent]:
    """Requests of one size, one after another or all at once."""
    return [
        Sent(number=n, due=every * (n - first), tokens=tokens, answer=answer, word=secret(n))
        for n in range(first, first + count)
    ]


def streams(address: str, model: str) -> dict[str, Any]:
    """Tokens a second of one answer, and of eight side by side, from the first token on."""
    found: dict[str, Any] = {}
    asyncio.run(run(address, model, requests(1, 100, 8, first=80_000)))
    for count in (1, 8):
        sent = asyncio.run(run(address, model, requests(count, 60, 160, first=81_000 + 100 * count)))
        begun = max(each.at[0] for each in sent)
        ended = min(each.at[-1] for each in sent)
        pieces = sum(begun <= at <= ended for each in sent for at in each.at)
        found[str(count)] = pieces / (ended - begun)
    return {"tokens_a_second": found, "ratio": found["8"] / found["1"]}


def book(address: str, model: str) -> dict[str, Any]:
    """Short requests every three seconds and one long answer, while a book is read and on an idle server."""
    asyncio.run(run(address, model, requests(1, 100, 8, first=70_000)))
    found: dict[str, Any] = {}
    for name in ("idle", "reading"):
        first = 71_000 if name == "idle" else 72_000
        short = requests(15, 250, 24, every=3.0, first=first)
        long = requests(1, 100, 900, first=first + 100)
        whole = [*short, *long]
        more: dict[int, dict[str, Any]] = {}
        if name == "reading":
            for each in whole:
                each.due += 1.0
            (read,) = requests(1, BOOK, 16, first=first + 200)
            whole.append(read)
            more[read.number] = {"longspan": {"plan": "positions=yarn(factor=5)"}}
        asyncio.run(run(address, model, whole, more))
        failed = [each.error for each in whole if each.error]
        spoken = [each for each in whole if each.number < first + 200]
        found[name] = {
            "first_token_p50": share([each.at[0] for each in short if each.at], 0.5),
            "first_token_p95": share([each.at[0] for each in short if each.at], 0.95),
            "longest_gap": max(each.gap for each in spoken),
            "longest_gap_of_the_long_answer": long[0].gap,
            "failed": failed,
        }
        if name == "reading":
            reading = read.at[0] if read.at else 0.0
            during = [each for each in short if each.due + 24 * 0.02 < reading]
            found[name] |= {"book_read_in": reading, "short_answers_meanwhile": len(during)}
    return found


def load(address: str, model: str, number: int, minutes: float, rate: float, seed: int = 1) -> dict[str, Any]:
    """Arrivals at random."""
    asyncio.run(run(address, model, requests(2, 300, 16, first=60_000)))
    sent = mixed(rate, minutes * 60, seed, 0.1)
    began, held = time.perf_counter(), [memory(number)]

    async def watched() -> None:
        watching = asyncio.create_task(_watch(number, held))
        await run(address, model, sent)
        watching.cancel()

    asyncio.run(watched())
    seconds = time.perf_counter() - began
    stayed = [each for each in sent if not each.leaves]
    short = [each.at[0] for each in stayed if each.at and each.tokens <= 800]
    return {
        "requests": len(sent),
        "left_by_their_clients": sum(each.leaves for each in sent),
        "seconds": seconds,
        "lost": [each.number for each in stayed if each.error or not each.reason],
        "errors": sorted({each.error for each in stayed if each.error}),
        "cut": [each.number for each in stayed if each.reason == "length" and _tokens(each) < each.answer],
        "crossed": crossed(sent),
        "told_their_own_word": sum(each.word in each.text.lower() for each in stayed),
        "first_token": {str(p): share(short, p / 100) for p in (50, 95, 99)},
        "gap": {str(p): share([each.gap for each in stayed], p / 100) for p in (50, 95, 100)},
        "tokens_a_second": sum(_tokens(each) for each in stayed) / seconds,
        "prompt_tokens_a_second": sum(each.usage.get("prompt_tokens", 0) for each in stayed) / seconds,
        "memory": held,
        "answers": {str(each.number): each.text for each in stayed},
        "sizes": {str(each.number): (each.tokens, each.answer) for each in stayed},
    }


async def _watch(number: int, held: list[int]) -> None:
    while True:
        await asyncio.sleep(15)
        held.append(memory(number))


def _tokens(sent: Sent) -> int:
    return int(sent.usage.get("completion_tokens", len(sent.at)))


def alone(address: str, model: str, loaded: dict[str, Any], count: int = 40) -> dict[str, Any]:
    """Some requests again, one at a time and without what was read before."""
    chosen = list(loaded["answers"])[:: max(1, len(loaded["answers"]) // count)]
    different = []
    for number in chosen:
        tokens, answer = loaded["sizes"][number]
        one = Sent(number=int(number), due=0.0, tokens=tokens, answer=answer, word=secret(int(number)))
        asyncio.run(run(address, model, [one]))
        if one.text != loaded["answers"][number]:
            different.append(number)
    return {"compared": len(chosen), "different": different}


def again(command: list[str]) -> dict[str, Any]:
    """A context of 8,000 tokens: its first question, the second, and one after a kill and a new start."""
    (one,) = requests(1, 7300, 8, first=50_000)
    found: dict[str, Any] = {}
    with server(command, ADDRESS) as (address, number):
        asyncio.run(run(address, "", requests(1, 100, 8, first=50_001)))
        began = time.perf_counter()
        made = httpx.post(
            f"{address}/v1/contexts", json={"text": one.prompt, "name": "notes"}, timeout=600
        ).json()
        found["reading"] = time.perf_counter() - began
        found["tokens"] = made["tokens"]
        found["first"] = found["reading"] + _asked(address, made["id"])
        found["second"] = _asked(address, made["id"])
        os.killpg(number, signal.SIGKILL)
    with server(command, ADDRESS) as (address, _):
        found["after_a_kill"] = _asked(address, made["id"])
    return found | {"ratio": found["first"] / found["second"]}


def _asked(address: str, context: str) -> float:
    """Seconds to the first token of a question about a context."""

    async def first() -> float:
        sent = Sent(number=1, due=0.0, tokens=60, answer=8, word="x")
        async with httpx.AsyncClient(base_url=address, timeout=600) as client:
            await send(client, "", sent, time.perf_counter(), {"longspan": {"context": context}})
        if sent.error:
            sys.exit(sent.error)
        return sent.at[0]

    return asyncio.run(first())


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def beside(named: str, model: str, command: list[str], minutes: float, rate: float) -> dict[str, Any]:
    """Another server and ours in turn."""
    name, _, line = named.partition("=")
    port = free_port()
    found: dict[str, Any] = {"name": name, "command": line}
    other = shlex.split(line.format(port=port))
    for whose, start, ready, called in (
        ("longspan", command, ADDRESS, ""),
        (name, other, r"(http://[\w.]+:\d+)", model),
    ):
        with server(start, ready) as (address, number):
            found[whose] = {
                "streams": streams(address, called),
                "load": load(address, called, number, minutes, rate, seed=2),
            }
            for each in ("answers", "sizes"):
                del found[whose]["load"][each]
    return found


def main() -> None:
    """Measures, and writes what was found."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--model", default=None)
    options.add_argument("--memory", default="2GiB", help="for keys and values")
    options.add_argument("--minutes", type=float, default=10.0)
    options.add_argument("--rate", type=float, default=0.3)
    options.add_argument("--only", default="streams,book,load,alone,again")
    options.add_argument("--beside", action="append", default=[])
    options.add_argument("--beside-model", default="")
    options.add_argument("--out", type=Path, default=None)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = [
            *(
                sys.executable,
                "-m",
                "longspan",
                "serve",
                "--port",
                "0",
                "--no-log",
                "--contexts-folder",
                folder,
                "--memory",
                given.memory,
            ),
            *(["--model", given.model] if given.model else []),
        ]
        found: dict[str, Any] = {
            "machine": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
        }
        chosen = given.only.split(",")
        with server(command, ADDRESS) as (address, number):
            for name, measure in (
                ("streams", lambda: streams(address, "")),
                ("book", lambda: book(address, "")),
                ("load", lambda: load(address, "", number, given.minutes, given.rate)),
            ):
                if name in chosen:
                    found[name] = measure()
                    print(
                        name,
                        json.dumps({k: v for k, v in found[name].items() if k not in ("answers", "sizes")}),
                    )
        if "alone" in chosen and "load" in found:
            with server(command, ADDRESS) as (address, _):
                found["alone"] = alone(address, "", found["load"])
                print("alone", json.dumps(found["alone"]))
        if "again" in chosen:
            found["again"] = again(command)
            print("again", json.dumps(found["again"]))
        found["beside"] = [
            beside(each, given.beside_model, command, min(given.minutes, 2.0), given.rate)
            for each in given.beside
        ]
    for each in ("answers", "sizes"):
        found.get("load", {}).pop(each, None)
    if given.out:
        given.out.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found.get("beside"), indent=1))


if __name__ == "__main__":
    main()
