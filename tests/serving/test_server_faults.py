"""Clients that go away, bodies that are none: each ends in a clear answer, and the server goes on."""

from __future__ import annotations

import gzip
import json
import time

import httpx
import pytest
from scripted_desk import ScriptedDesk, ScriptedTicket, saying
from shell import answered, client, connection, sent, shell, status

from longspan.serving.events import Read
from longspan.serving.refused import Refused

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
ROUTES = (
    CHAT,
    "/v1/completions",
    "/v1/embeddings",
    MESSAGES,
    MESSAGES + "/count_tokens",
    "/v1/contexts",
    "/v1/responses",
    "/v1/responses/compact",
    "/v1/responses/input_tokens",
)
ASKED = {"model": "scripted", "max_tokens": 9, "messages": [{"role": "user", "content": "Who slept?"}]}
HEAD = "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def desk():
    return ScriptedDesk()


@pytest.fixture(scope="module")
def root(desk):
    with shell(desk) as root:
        yield root


@pytest.fixture
def known(root):
    with client(root) as known:
        yield known


def slow(asked):
    """An answer of which a word comes every while."""
    yield from saying("Well,")[:2]
    for event in saying("and " * 200)[1:]:
        yield 0.05
        yield event


@pytest.fixture
def slowly(desk, monkeypatch):
    monkeypatch.setattr(desk, "script", slow)


def is_cancelled(ticket: ScriptedTicket) -> bool:
    until = time.monotonic() + 5
    while not ticket.cancelled and time.monotonic() < until:
        time.sleep(0.02)
    return ticket.cancelled


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize("stream", [True, False])
def test_who_goes_away_is_not_worked_for(root, desk, slowly, path, stream):
    before = len(desk.tickets)
    body = json.dumps(ASKED | {"stream": stream}).encode()
    with connection(root) as own:
        own.sendall(HEAD.format(path).encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        if stream:
            own.recv(10)
        until = time.monotonic() + 5
        while len(desk.tickets) == before and time.monotonic() < until:
            time.sleep(0.01)
    assert is_cancelled(desk.tickets[before])


@pytest.mark.parametrize("stream", [True, False])
def test_reading_ends_when_its_client_goes_away(root, desk, monkeypatch, stream):
    tickets = []

    async def read(owner, documents, **more):
        steps = [Read(processed=1, total=9, cached=0, seconds=0.1), *[0.05] * 500]
        tickets.append(ScriptedTicket(steps))
        return tickets[-1]

    monkeypatch.setattr(desk, "read", read)
    body = json.dumps({"text": "a", "stream": stream}).encode()
    with connection(root) as own:
        own.sendall(
            HEAD.format("/v1/contexts").encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body
        )
        until = time.monotonic() + 5
        while not tickets and time.monotonic() < until:
            time.sleep(0.01)
    assert is_cancelled(tickets[0])


def test_a_client_that_leaves_in_its_own_body_harms_nobody(root, known, desk):
    before = len(desk.asked)
    for body in (b"", b"{", b'{"messages":'):
        with connection(root) as own:
            own.sendall(HEAD.format(CHAT).encode() + b"Content-Length: 500\r\n\r\n" + body)
    with connection(root) as own:
        own.sendall(HEAD.format(CHAT).encode() + b"Transfer-Encoding: chunked\r\n\r\nff\r\n{")
    assert known.post(CHAT, json=ASKED).status_code == 200
    assert len(desk.asked) == before + 1


def test_one_that_reads_nothing_blocks_nobody(root, known, desk, monkeypatch):
    monkeypatch.setattr(desk, "script", lambda asked: saying("word " * 20_000) if asked.cite else saying("a"))
    body = json.dumps(ASKED | {"stream": True}).encode()
    with connection(root) as own:
        own.sendall(HEAD.format(CHAT).encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        own.recv(10)
        began = time.monotonic()
        for _ in range(3):
            assert known.post(CHAT, json=ASKED | {"longspan": {"cite": False}}).status_code == 200
        assert time.monotonic() - began < 5
    assert is_cancelled(desk.tickets[-4])


def test_a_connection_is_used_again_after_a_stream_that_failed(known, desk, monkeypatch):
    def failing(asked):
        yield from saying("Well,")[:2]
        yield Refused("no more", kind="overloaded")

    monkeypatch.setattr(desk, "script", failing)
    for _ in range(2):
        assert sent(known.post(CHAT, json=ASKED | {"stream": True}).text)[-1]["error"]["message"] == "no more"
        assert "event: error" in known.post(MESSAGES, json=ASKED | {"stream": True}).text
    monkeypatch.undo()
    assert known.post(CHAT, json=ASKED).json()["choices"][0]["finish_reason"] == "stop"


def deep(brackets: int) -> bytes:
    return b'{"messages":' + b"[" * brackets + b"]" * brackets + b"}"


@pytest.mark.parametrize("path", ROUTES)
def test_bodies_that_are_none_are_refused_and_the_next_is_answered(known, path):
    kind = {"content-type": "application/json"}
    bodies = [
        *(
            (content, kind)
            for content in (b"", b"{", b"[]", b"null", b'"a"', b"\xff\xfe", b'{"a":\xc3}', b"NaN")
        ),
        (b'{"messages":"\\ud800"}', kind),
        (b'{"text":"\\udfff"}', kind),
        (deep(100), kind),
        (deep(200_000), kind),
        (b'{"a":[' + b"0," * 300_000 + b"0]}", kind),
        (b'{"a":' + b"9" * 6000 + b"}", kind),
        (json.dumps(ASKED).encode("utf-16"), kind),
        (gzip.compress(json.dumps(ASKED).encode()), kind | {"content-encoding": "gzip"}),
        (gzip.compress(bytes(2**22)), kind | {"content-encoding": "gzip"}),
        (json.dumps(ASKED).encode(), {"content-type": "text/plain"}),
        (json.dumps(ASKED).encode(), {}),
        (b"messages=a", {"content-type": "application/x-www-form-urlencoded"}),
    ]
    for content, headers in bodies:
        answer = known.post(path, content=content, headers=headers)
        assert answer.status_code == 400, (content[:40], headers, answer.text)
        error = answer.json()["error"]
        assert 0 < len(error["message"]) <= 2000
        assert "Traceback" not in answer.text
    assert known.post(CHAT, json=ASKED).status_code == 200


@pytest.mark.parametrize(
    "sent_bytes",
    [
        b"\x00" * 100,
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET  / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
        b"POST /v1/files HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_what_is_no_http_is_answered_or_hung_up_on(root, known, sent_bytes):
    answer = answered(root, sent_bytes)
    assert status(answer) in (0, *range(400, 502))
    assert known.get("/health").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/page/../../../etc/passwd",
        "/page/%2e%2e/%2e%2e/etc/passwd",
        "/page//etc/passwd",
        "/v1/files/..%2f..%2fetc%2fpasswd/content",
        "/v1/contexts/%00/documents",
        "/page/index.html%00",
        "/v1/models/..%2f..",
        "//evil.example/a",
        "/page/\\..\\a",
        "*",
        "v1/models",
    ],
)
def test_no_path_leads_out(root, path):
    answer = answered(root, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert status(answer) == 404
    assert b"root:" not in answer


def test_an_upgrade_is_refused(root):
    headers = {
        "upgrade": "websocket",
        "connection": "upgrade",
        "sec-websocket-version": "13",
        "sec-websocket-key": "a",
    }
    assert httpx.get(f"{root}/v1/models", headers=headers).status_code in (200, 400, 403)
