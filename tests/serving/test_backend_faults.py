"""A desk over an engine elsewhere: how engines fail, and what clients are told of it."""

import asyncio
import dataclasses
import socket
import time

import pytest
from backing import answered, heard, question, said, with_desk
from loopback import served
from scripted_engines import ScriptedEngine
from starlette.responses import JSONResponse

from longspan.errors import LongspanError
from longspan.serving.backend import BackendDesk
from longspan.serving.backend.engine import opened
from longspan.serving.refused import Overlong, Refused


def test_what_is_no_engine_or_tells_too_little_is_told_with_the_next_step():
    async def nothing(desk):
        pass

    with pytest.raises(LongspanError, match="window="):
        with_desk(ScriptedEngine(lambda body: [], about={}), nothing)
    with pytest.raises(LongspanError, match="no model 'x'; it has 'engine-model'"):
        with_desk(ScriptedEngine(lambda body: []), nothing, model="x")
    with pytest.raises(LongspanError, match="does not list models"):
        asyncio.run(opened("http://127.0.0.1:9/v1", seconds=1))
    with pytest.raises(ValueError, match="not an address"):
        asyncio.run(opened("file:///etc/passwd", seconds=1))


@pytest.mark.parametrize(
    ("status", "body", "headers", "kind", "retry_after"),
    [
        (429, {"error": {"message": "slow down"}}, {"retry-after": "17"}, "rate", 17),
        (503, {"error": "busy"}, {}, "overloaded", 5),
        (400, {"error": {"message": "top_k is bad", "param": "top_k"}}, {}, "invalid", None),
        (401, {"error": {"message": "bad key sk-123"}}, {}, "failed", None),
        (500, {"error": {"message": "Traceback sk-123"}}, {}, "failed", None),
        (504, {}, {}, "timeout", None),
    ],
)
def test_what_an_engine_says_against_a_request_is_told(status, body, headers, kind, retry_after):
    with pytest.raises(Refused) as refused:
        answered(lambda _: JSONResponse(body, status, headers=headers), question())
    assert (refused.value.kind, refused.value.retry_after) == (kind, retry_after)
    assert "sk-123" not in str(refused.value)


@pytest.mark.parametrize(
    "error",
    [
        {
            "message": "This model's maximum context length is 4096 tokens. However, your messages resulted in 5000."
        },
        {
            "message": "the request exceeds the available context size",
            "type": "exceed_context_size_error",
            "n_prompt_tokens": 5000,
            "n_ctx": 4096,
        },
    ],
)
def test_a_prompt_that_does_not_fit_is_told_with_its_numbers(error):
    with pytest.raises(Overlong) as refused:
        answered(lambda body: JSONResponse({"error": error}, 400), question())
    assert (refused.value.tokens, refused.value.maximum) == (5000, 4096)
    assert "longspan.flow" in str(refused.value)


@pytest.mark.parametrize(
    "script",
    [
        lambda body: [{"choices": [{"index": 0, "delta": {"content": "so"}}]}],
        lambda body: [{"choices": [{"index": 0, "delta": {"content": "so"}}]}, "[DONE]"],
        lambda body: [
            {"choices": [{"index": 0, "delta": {"content": "so"}}]},
            {"error": {"message": "died"}},
        ],
        lambda body: [{"choices": [{"index": 0, "delta": {"content": "so"}}]}, "{no json"],
    ],
)
def test_an_answer_that_is_cut_off_is_no_answer(script):
    async def work(desk):
        found = []

        async def takes():
            async for event in await desk.ask(question()):
                found.append(event)

        with pytest.raises(Refused) as refused:
            await takes()
        return found, refused.value, desk.state

    found, refused, state = with_desk(ScriptedEngine(script), work)
    assert said(found) == "so"
    assert refused.kind == "failed"
    assert state.problems


def test_who_goes_away_is_not_worked_for_at_the_engine():
    def slowly(body):
        yield {"choices": [{"index": 0, "delta": {"content": "so"}}]}
        yield 10.0

    engine = ScriptedEngine(slowly)

    async def work(desk):
        ticket = await desk.ask(question())
        async for _ in ticket:
            break
        ticket.cancel()
        until = time.monotonic() + 5
        while not engine.left and time.monotonic() < until:
            await asyncio.sleep(0.02)
        return engine.left, desk.state.running

    assert with_desk(engine, work) == (1, 0)


def test_a_request_ends_at_its_time_limit_and_an_engine_that_is_gone_is_told():
    def never(body):
        yield 10.0

    with pytest.raises(Refused) as refused:
        answered(never, question(seconds=0.2))
    assert refused.value.kind == "timeout"
    engine = ScriptedEngine(never)

    async def run(address):
        found = await opened(address, seconds=5)
        desk = BackendDesk(dataclasses.replace(found, url=f"http://127.0.0.1:{closed_port()}/v1"))
        try:
            await heard(await desk.ask(question()))
        finally:
            await desk.close(0)

    with served(lambda: (engine.app, engine.close)) as address, pytest.raises(Refused) as refused:
        asyncio.run(run(address))
    assert (refused.value.kind, refused.value.code) == ("overloaded", "engine_unreachable")
    assert "127.0.0.1" not in str(refused.value)


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as own:
        return own.getsockname()[1]
