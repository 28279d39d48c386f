"""What must not come in is refused, in the client's own protocol: names, pages elsewhere, keys, sizes, slowness."""

from __future__ import annotations

import json
import logging

import httpx
import pytest
from scripted_desk import ScriptedDesk
from shell import KEYS, client, connection, received, shell, status

from longspan.serving.web import guards, keys, patient

ASKED = {"model": "scripted", "messages": [{"role": "user", "content": "Who slept?"}]}
CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
ANYBODY = client(key="")
"""Who asks without a key, unless a header has one."""


@pytest.fixture(scope="module")
def open_root():
    """A server without keys, which is known by one more name, and which one page elsewhere may ask."""
    with shell(ScriptedDesk(), hosts=("box.example",), origins=("https://app.example",)) as root:
        yield root


@pytest.fixture(scope="module")
def desk():
    return ScriptedDesk()


@pytest.fixture(scope="module")
def root(desk):
    """A server with keys, and narrow bounds."""
    with shell(desk, keys=KEYS, body=4096, upload=2**20) as root:
        yield root


def code(answer: httpx.Response) -> str:
    return answer.json()["error"]["code"]


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8000", "127.0.0.1", "[::1]:8000", "10.0.0.7", "BOX.example"]
)
def test_names_of_the_server_are_known(open_root, host):
    assert ANYBODY.post(open_root + CHAT, json=ASKED, headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil.example:80",
        "box.example.",
        "",
        "[",
        "a@b",
    ],
)
def test_a_name_that_somebody_else_has_made_lead_here_is_refused(open_root, host):
    for path in (CHAT, "/", "/v1/models", "/health"):
        answer = ANYBODY.request("POST" if path == CHAT else "GET", open_root + path, headers={"host": host})
        assert (answer.status_code, code(answer)) == (403, "host_not_allowed")


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://127.0.0.1", "file://", "http://[", "https://app.example.evil"],
)
def test_pages_elsewhere_may_not_ask(open_root, origin):
    headers = {"origin": origin}
    for method, path in (("POST", CHAT), ("DELETE", "/v1/contexts/ctx_1"), ("POST", "/v1/files")):
        answer = ANYBODY.request(method, open_root + path, headers=headers, json=ASKED)
        assert (answer.status_code, code(answer)) == (403, "origin_not_allowed")
    for answer in (
        ANYBODY.get(open_root + "/v1/models", headers=headers),
        ANYBODY.options(open_root + CHAT, headers=headers | {"access-control-request-method": "POST"}),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_its_own_page_and_those_allowed_may_ask(open_root):
    own = ANYBODY.post(open_root + CHAT, json=ASKED, headers={"origin": open_root})
    assert (own.status_code, own.headers.get("access-control-allow-origin")) == (200, None)
    headers = {
        "origin": "https://app.example",
        "access-control-request-headers": "authorization,\r\n x-a"[:13],
    }
    asked = ANYBODY.options(open_root + CHAT, headers=headers)
    assert (asked.status_code, asked.headers["access-control-allow-headers"]) == (204, "authorization")
    for answer in (asked, ANYBODY.post(open_root + CHAT, json=ASKED, headers=headers)):
        assert answer.headers["access-control-allow-origin"] == "https://app.example"
        assert "access-control-allow-credentials" not in answer.headers


def test_without_a_key_nothing_is_told(root):
    for method, path in (
        ("GET", "/v1/models"),
        ("POST", CHAT),
        ("GET", "/metrics"),
        ("GET", "/v1/contexts"),
        ("GET", "/v1/files"),
        ("GET", "/nowhere"),
        ("POST", "/"),
        ("GET", f"/v1/models?key={KEYS[0]}&api_key={KEYS[0]}"),
    ):
        answer = ANYBODY.request(method, root + path)
        assert (answer.status_code, code(answer)) == (401, "invalid_api_key"), path
        assert answer.headers["www-authenticate"] == "Bearer"
    assert ANYBODY.get(root + "/health").json() == {"status": "ok"}
    assert ANYBODY.get(root + "/").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {KEYS[1]}"},
        {"authorization": f"bearer  {KEYS[1]}"},
        {"x-api-key": KEYS[1]},
    ],
)
def test_a_key_is_taken_as_clients_send_it(root, headers):
    assert ANYBODY.get(root + "/v1/models", headers=headers).status_code == 200
    assert "held_bytes" in ANYBODY.get(root + "/health", headers=headers).json()


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {KEYS[0][:-1]}"},
        {"authorization": f"Bearer {KEYS[0]}x"},
        {"authorization": f"Basic {KEYS[0]}"},
        {"authorization": KEYS[0]},
        {"authorization": "Bearer"},
        {"authorization": b"Bearer \xff\xfe"},
        {"x-api-key": ""},
    ],
)
def test_other_keys_are_not(root, headers):
    assert ANYBODY.get(root + "/v1/models", headers=headers).status_code == 401


def test_who_guesses_keys_has_to_wait(monkeypatch):
    monkeypatch.setattr(keys, "FAILURES", 3)
    with shell(ScriptedDesk(), keys=KEYS) as root:
        told = [ANYBODY.get(root + "/v1/models", headers={"x-api-key": str(each)}) for each in range(5)]
        assert [each.status_code for each in told] == [401, 401, 401, 429, 429]
        assert 0 < int(told[-1].headers["retry-after"]) <= 60
        with client(root) as known:
            assert known.get("/v1/models").status_code == 200


def test_answers_say_what_browsers_need_and_no_more(root):
    with client(root) as known:
        for answer in (known.get("/v1/models"), known.post(CHAT, json=ASKED), known.get("/nowhere")):
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["x-request-id"].startswith("req_")
            assert "server" not in answer.headers


def test_refusals_are_in_the_words_of_the_protocol(root):
    with client(root) as known:
        openai = [known.get("/v1/nowhere"), known.get(CHAT), known.post(CHAT, content=b"x" * 9999)]
        anthropic = [
            known.get(MESSAGES + "/nowhere"),
            known.get(MESSAGES),
            known.post(MESSAGES, content=b"x" * 9999),
            ANYBODY.post(root + MESSAGES),
        ]
    assert [each.status_code for each in openai] == [404, 405, 413]
    assert all(set(each.json()["error"]) == {"message", "type", "param", "code"} for each in openai)
    assert [each.status_code for each in anthropic] == [404, 405, 413, 401]
    for each in anthropic:
        assert each.json()["type"] == "error"
        assert each.json()["request_id"] == each.headers["request-id"]


def test_no_more_is_taken_than_is_allowed(root, desk):
    before = len(desk.asked)
    with client(root) as known:
        chunked = (b" " * 1024 for _ in range(10_000))
        announced = known.post(CHAT, json=ASKED | {"user": "x" * 5000})
        counted = known.post(CHAT, content=chunked, headers={"content-type": "application/json"})
        file = known.post("/v1/files", files={"file": ("a", bytes(2**20 + 1))})
    for answer in (announced, counted, file):
        assert (answer.status_code, code(answer)) == (413, "request_too_large")
    assert len(desk.asked) == before


def test_a_file_of_100_mb_is_refused_before_it_comes(root):
    head = f"POST /v1/files HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: {KEYS[0]}\r\n"
    kind = "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 104857600\r\n\r\n"
    with connection(root) as own:
        own.sendall((head + kind).encode())
        assert status(received(own)) == 413


@pytest.mark.parametrize("length", ["-1", "1e3", "0x10", "99999999999999999999999", "5, 6"])
def test_lengths_that_are_none_are_refused(root, length):
    with connection(root) as own:
        own.sendall(
            f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: {KEYS[0]}\r\n"
            f"Content-Length: {length}\r\n\r\n{{}}".encode()
        )
        assert status(received(own)) in (400, 413)


def test_a_body_that_comes_too_slowly_is_given_up(root, monkeypatch):
    monkeypatch.setattr(guards, "_PATIENCE", 0.3)
    with connection(root) as own:
        own.sendall(
            f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: {KEYS[0]}\r\n"
            "Content-Type: application/json\r\nContent-Length: 4000\r\n\r\n{".encode()
        )
        answer = received(own)
    assert status(answer) in (408, 504)
    assert b"too slowly" in answer
    assert answer.startswith(b"HTTP/1.1 408")


def test_a_head_that_comes_too_slowly_is_given_up(monkeypatch):
    monkeypatch.setattr(patient, "HEADERS", 0.3)
    with shell(ScriptedDesk()) as root, connection(root) as own:
        own.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        assert received(own) == b""


def test_a_fault_is_told_without_its_words(capfd, caplog, monkeypatch):
    desk = ScriptedDesk()

    async def ask(asked):
        raise RuntimeError(asked.turns[0].text)

    monkeypatch.setattr(desk, "ask", ask)
    with shell(desk) as root, caplog.at_level(logging.ERROR):
        answers = [
            ANYBODY.post(root + CHAT, json=ASKED),
            ANYBODY.post(root + CHAT, json=ASKED | {"stream": True}),
        ]
        anthropic = ANYBODY.post(root + MESSAGES, json=ASKED | {"max_tokens": 9})
    for answer in (*answers, anthropic):
        assert answer.status_code == 500
        assert answer.headers["x-request-id"] in answer.text
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "RuntimeError" not in answer.text
        assert answer.headers["x-request-id"] in caplog.text
    written = capfd.readouterr()
    for place in (written.out, written.err, caplog.text, *(each.text for each in answers)):
        assert "slept" not in place


def test_a_line_of_the_log_says_nothing_of_what_was_asked(caplog):
    with (
        shell(ScriptedDesk(), keys=KEYS, log=True) as root,
        caplog.at_level(logging.INFO, "longspan.serving"),
        client(root) as known,
    ):
        known.post(CHAT, json=ASKED)
        known.post("/v1/files?secret=query", files={"file": ("secret-name.txt", b"secret")})
        known.get("/a%0d%0ab%1b[31m?secret=query")
        known.get("/v1/files/secret", headers={"host": "evil.example"})
    lines = [json.loads(each.message) for each in caplog.records if each.name == "longspan.serving"]
    assert [each["status"] for each in lines] == [200, 200, 404, 403]
    assert {"at", "id", "owner", "method", "path", "status", "seconds", "bytes"} == set(lines[0])
    assert all(len(each["owner"]) <= 8 for each in lines)
    assert lines[2]["path"] == "/a\r\nb\x1b[31m"
    said = "\n".join(each.message for each in caplog.records if each.name == "longspan.serving")
    assert len(said.splitlines()) == 4
    for word in ("slept", "query", "secret-name", KEYS[0]):
        assert word not in said
