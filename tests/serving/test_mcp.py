"""The tools of the Model Context Protocol, by its official client, in process, over HTTP and by stdio."""

import asyncio
import json
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import httpx
import httpx2
import pytest
import uvicorn
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from scripted_desk import ScriptedDesk, saying

import longspan
from longspan.serving.admission import Limits
from longspan.serving.events import Done, Ended, Read, Spoken, Used
from longspan.serving.local import LocalDesk
from longspan.serving.mcp.tools import tools_of
from longspan.serving.refused import Refused
from longspan.serving.web.app import create_app
from longspan.serving.web.front import Front
from longspan.serving.web.settings import Settings
from longspan.spans import Document, Span, cite

MODES = ("auto", "legacy")


def script(asked):
    text = 'It says "the lamp burns".'
    document = Document("document 1", "At dusk the lamp burns.")
    quotes = cite(text, "", [Span(document, 0, len(document.text))])
    yield Read(processed=5, total=10, cached=0, seconds=0.1)
    yield Read(processed=10, total=10, cached=0, seconds=0.2)
    yield Spoken(index=0, text=text)
    yield Ended(index=0, why="stop", citations=quotes)
    yield Done(used=Used(prompt_tokens=10, generated_tokens=4), notes=("noted",))


def with_tools(desk, work, mode="auto"):
    async def run():
        async with Client(tools_of(Front(desk=desk)), mode=mode) as client:
            return await asyncio.wait_for(work(client), 20)

    return asyncio.run(run())


@pytest.mark.parametrize("mode", MODES)
def test_a_text_is_read_asked_about_listed_and_deleted(mode):
    told = []

    async def progress(done, total, message):
        told.append((done, total, message))

    async def work(client):
        listed = await client.list_tools()
        read = await client.call_tool("read", {"text": "At dusk the lamp burns.", "name": "log"})
        name = read.structured_content["id"]
        answer = await client.call_tool(
            "ask", {"question": "What burns?", "context": name}, progress_callback=progress
        )
        contexts = await client.call_tool("contexts", {})
        gone = await client.call_tool("delete", {"context": name})
        after = await client.call_tool("contexts", {})
        return listed, read, answer, contexts, gone, after

    listed, read, answer, contexts, gone, after = with_tools(ScriptedDesk(script), work, mode)
    assert {each.name for each in listed.tools} == {"ask", "read", "contexts", "delete"}
    assert all(each.output_schema for each in listed.tools)
    assert not any(
        word in json.dumps(each.input_schema) for each in listed.tools for word in ('"path"', '"url"')
    )
    assert read.structured_content["documents"] == ["log"]
    said = answer.structured_content
    assert said["answer"] == 'It says "the lamp burns".'
    (quote,) = said["citations"]
    assert quote["verified"]
    assert "At dusk the lamp burns."[quote["start"] : quote["end"]] == "the lamp burns"
    assert said["notes"] == ["noted"]
    assert [each[:2] for each in told] == [(5, 10), (10, 10)]
    assert [each["id"] for each in contexts.structured_content["contexts"]] == [read.structured_content["id"]]
    assert gone.structured_content["deleted"]
    assert after.structured_content == {"contexts": []}


def test_a_text_is_asked_about_at_once_by_the_flow_that_suits():
    desk = ScriptedDesk(script)

    async def work(client):
        return await client.call_tool("ask", {"question": "What burns?", "text": "At dusk the lamp burns."})

    assert not with_tools(desk, work).is_error
    (asked,) = desk.asked
    assert asked.turns[0].documents[0].text == "At dusk the lamp burns."
    assert (asked.flow, asked.owner, asked.context) == ("auto", "local", None)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"question": "x", "context": "ctx_none"}, "no context"),
        ({"question": "x"}, "give a context or a text"),
        ({"question": "x", "context": "a", "text": "b"}, "give a context or a text"),
        ({"question": "", "text": "b"}, "question"),
        ({"text": "b"}, "question"),
        ({"question": "x", "text": "b", "max_tokens": 0}, "max_tokens"),
    ],
)
def test_what_cannot_be_asked_is_told_to_the_model(arguments, said):
    async def work(client):
        return await client.call_tool("ask", arguments)

    result = with_tools(ScriptedDesk(script), work)
    assert result.is_error
    assert said in result.content[0].text


@pytest.mark.parametrize(
    ("error", "said", "unsaid"),
    [
        (Refused("too many wait", kind="rate", retry_after=3), "too many wait (in about 3 s)", "Traceback"),
        (RuntimeError("secret"), "the request failed (RuntimeError)", "secret"),
    ],
)
def test_refusals_are_told_and_faults_tell_nothing(error, said, unsaid):
    async def work(client):
        return await client.call_tool("ask", {"question": "x", "text": "y"})

    result = with_tools(ScriptedDesk(lambda asked: [error]), work)
    assert result.is_error
    assert said in result.content[0].text
    assert unsaid not in result.content[0].text


@contextmanager
def over_http(desk, **settings):
    """The whole application on loopback; its address."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(create_app(desk, Settings(log=False, **settings)), log_level="error", lifespan="on")
    )
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
    finally:
        server.should_exit = True
        thread.join(20)


def called(url, work, key=None, mode="auto"):
    async def run():
        headers = {"authorization": f"Bearer {key}"} if key else {}
        async with httpx2.AsyncClient(headers=headers, timeout=20) as http:
            transport = streamable_http_client(url, http_client=http)
            async with Client(transport, mode=mode) as client:
                return await asyncio.wait_for(work(client), 20)

    return asyncio.run(run())


@pytest.mark.parametrize("mode", MODES)
def test_over_http_keys_have_their_own_contexts(mode):
    desk, told = ScriptedDesk(script), []

    async def progress(done, total, message):
        told.append(done)

    async def reads(client):
        made = await client.call_tool("read", {"text": "At dusk the lamp burns."})
        name = made.structured_content["id"]
        return name, await client.call_tool(
            "ask", {"question": "What burns?", "context": name}, progress_callback=progress
        )

    with over_http(desk, keys=("first-key-1", "second-key-2")) as url:
        name, answer = called(url, reads, "first-key-1", mode)
        assert answer.structured_content["citations"][0]["verified"]
        assert told == [5, 10]

        async def pries(client):
            listed = await client.call_tool("contexts", {})
            asked = await client.call_tool("ask", {"question": "What?", "context": name})
            return listed, asked, await client.call_tool("delete", {"context": name})

        listed, asked, deleted = called(url, pries, "second-key-2", mode)
        assert listed.structured_content == {"contexts": []}
        assert asked.is_error
        assert deleted.is_error
    assert len(desk.kept) == 1


def first(url, **headers):
    """An opening request, as it goes over the wire."""
    body = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "t", "version": "1"},
        },
    }
    accept = {"accept": "application/json, text/event-stream"}
    return httpx.post(url, json=body, headers=accept | headers, timeout=20)


def test_over_http_strangers_names_and_pages_elsewhere_are_kept_out():
    with over_http(ScriptedDesk(script), keys=("first-key-1", "second-key-2")) as url:
        key = {"authorization": "Bearer first-key-1"}
        assert first(url).status_code == 401
        assert first(url, **key, host="rebound.example").status_code == 403
        assert first(url, **key, origin="https://evil.example").status_code == 403
        opened = first(url, **key)
        assert opened.status_code == 200
        session = {
            "mcp-session-id": opened.headers["mcp-session-id"],
            "accept": "application/json, text/event-stream",
        }
        ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
        mine = httpx.post(url, json=ping, headers=session | key, timeout=20)
        theirs = httpx.post(
            url, json=ping, headers=session | {"authorization": "Bearer second-key-2"}, timeout=20
        )
        assert (mine.status_code, theirs.status_code) == (200, 404)


@pytest.mark.parametrize("mode", MODES)
def test_a_call_that_is_given_up_is_cancelled_at_the_desk(mode):
    def slowly(asked):
        yield Spoken(index=0, text="so")
        yield 8.0
        yield from saying("late")

    desk = ScriptedDesk(slowly)

    async def gives_up(client):
        call = asyncio.create_task(client.call_tool("ask", {"question": "x", "text": "y"}))
        while not desk.tickets:
            await asyncio.sleep(0.02)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        for _ in range(150):
            if desk.tickets[0].cancelled:
                return True
            await asyncio.sleep(0.02)
        return False

    with over_http(desk) as url:
        assert called(url, gives_up, mode=mode)


def test_who_hangs_up_is_not_worked_for():
    def slowly(asked):
        yield 8.0
        yield from saying("late")

    desk = ScriptedDesk(slowly)
    with over_http(desk) as url:
        session = {
            "mcp-session-id": first(url).headers["mcp-session-id"],
            "accept": "application/json, text/event-stream",
        }
        call = {
            "jsonrpc": "2.0",
            "id": 2,
            "method": "tools/call",
            "params": {"name": "ask", "arguments": {"question": "x", "text": "y"}},
        }
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(url, json=call, headers=session, timeout=0.7)
        until = threading.Event()
        for _ in range(150):
            if desk.tickets and desk.tickets[0].cancelled:
                return
            until.wait(0.02)
    pytest.fail("the request went on")


def test_on_a_model_of_this_process(small_folder):
    model = longspan.load(small_folder)

    async def run():
        desk = LocalDesk(model, limits=Limits(chunk=32))
        try:
            async with Client(tools_of(Front(desk=desk))) as client:
                read = await client.call_tool("read", {"text": "At dusk the lamp burns. " * 10})
                name = read.structured_content["id"]
                arguments = {"question": "What?", "context": name, "max_tokens": 4}
                answer = await client.call_tool("ask", arguments)
                return read, answer
        finally:
            await desk.close(0)

    read, answer = asyncio.run(run())
    assert not answer.is_error, answer.content
    assert 0 < read.structured_content["tokens"] <= answer.structured_content["cached_tokens"] + 8
    assert answer.structured_content["generated_tokens"] == 4


STDIO = """
import asyncio, sys
sys.path.insert(0, {tests!r})
from scripted_desk import ScriptedDesk
from longspan.serving.mcp import by_stdio
async def run():
    desk = ScriptedDesk()
    asyncio.get_running_loop().call_later(0.3, print, "noise")
    await by_stdio(desk)
asyncio.run(run())
"""


def test_by_stdio_nothing_but_messages_is_written():
    code = STDIO.format(tests=str(Path(__file__).parent))
    asked = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "t", "version": "1"},
        },
    }
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        process.stdin.write(json.dumps(asked) + "\n")
        process.stdin.flush()
        opened = json.loads(process.stdout.readline())
        threading.Event().wait(0.5)
        out, err = process.communicate(timeout=20)
    assert opened["result"]["serverInfo"]["name"] == "longspan"
    assert out == ""
    assert "noise" in err
    assert process.returncode == 0
