"""Requests that were spoilt at random, to a server with a real model: each is answered, and the server goes on."""

from __future__ import annotations

import base64
import json
import os
import random
from copy import deepcopy

import httpx
import pytest
from loopback import served
from shell import answered, status

import longspan
from longspan.serving.local import Limits, LocalDesk
from longspan.serving.web.app import create_app
from longspan.serving.web.settings import Settings

COUNT = int(os.environ.get("LONGSPAN_FUZZ", 150))
"""Requests in the suite; LONGSPAN_FUZZ=10000 for a longer run."""

TURNS = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "Who slept?"}]},
    {"role": "assistant", "content": "The keeper."},
    {"role": "user", "content": "When?"},
]
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
FUNCTION = {"type": "function", "function": {"name": "f", "description": "b", "parameters": SCHEMA}}
FILE = {"filename": "a.txt", "file_data": "data:text/plain;base64," + base64.b64encode(b"Dusk.").decode()}
EXTRAS = {"documents": [{"name": "a", "text": "Dusk."}], "plan": "", "seconds": 5, "return_progress": True}
SOURCE = {"type": "text", "media_type": "text/plain", "data": "Dusk."}
WHOLE = [
    ("/v1/chat/completions", {"messages": TURNS, "max_tokens": 3, "stream": True, "longspan": EXTRAS}),
    ("/v1/chat/completions", {"messages": TURNS, "max_tokens": 3, "n": 2, "seed": 1, "temperature": 0.5}),
    ("/v1/chat/completions", {"messages": TURNS, "max_tokens": 3, "logprobs": True, "top_logprobs": 2}),
    (
        "/v1/chat/completions",
        {"messages": TURNS, "max_tokens": 8, "tools": [FUNCTION], "tool_choice": "auto", "stop": ["a"]},
    ),
    (
        "/v1/chat/completions",
        {"messages": [{"role": "user", "content": [{"type": "file", "file": FILE}]}], "max_tokens": 2},
    ),
    ("/v1/completions", {"prompt": ["Dusk", [5, 6]], "max_tokens": 2, "echo": True, "logprobs": 1}),
    ("/v1/messages", {"messages": TURNS[1:], "system": "Be brief.", "max_tokens": 3, "stream": True}),
    (
        "/v1/messages",
        {
            "messages": [{"role": "user", "content": [{"type": "document", "source": SOURCE}]}],
            "max_tokens": 3,
            "tools": [{"name": "f", "input_schema": SCHEMA}],
            "tool_choice": {"type": "auto"},
        },
    ),
    ("/v1/messages/count_tokens", {"messages": TURNS[1:]}),
    (
        "/v1/responses",
        {
            "input": TURNS[1:],
            "instructions": "Be brief.",
            "max_output_tokens": 3,
            "stream": True,
            "store": False,
        },
    ),
    (
        "/v1/responses",
        {
            "input": "Who slept?",
            "max_output_tokens": 8,
            "tools": [{"type": "function", "name": "f", "parameters": SCHEMA}],
        },
    ),
    ("/v1/responses/compact", {"input": TURNS[1:]}),
    ("/v1/responses/input_tokens", {"input": "Who slept?"}),
    ("/v1/contexts", {"text": "Dusk.", "name": "a", "plan": "", "stream": True}),
    ("/v1/contexts", {"documents": [{"name": "a", "text": "Dusk."}]}),
]
VALUES = [
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 10**400, 1e308, -0.5, 0.5),
    *(
        "",
        "a",
        "\x00",
        "\u202e",
        "\U0001f980",
        "<|im_end|>",
        "{{7*7}}",
        "../../etc/passwd",
        "http://127.0.0.1/",
        "x" * 5000,
    ),
    *([], [[]], {}, [None], {"a": {}}, {"type": "text"}, {"role": "user"}, ["a"] * 50),
    *(
        "policy=snapkv(budget=16)",
        "policy=nothing",
        "ctx_0",
        "none",
        "required",
        "image_url",
        "auto",
        "json_schema",
    ),
]
METHODS = ("GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "POST", "TRACE")


def spoilt(chance: random.Random, value):
    """A JSON value with a part that is missing, doubled, or something else."""
    value = deepcopy(value)
    for _ in range(chance.randint(1, 3)):
        inside = value
        while True:
            key = chance.choice(list(inside) if isinstance(inside, dict) else range(len(inside)))
            following = inside[key]
            if not isinstance(following, dict | list) or not following or chance.random() < 0.3:
                break
            inside = following
        how = chance.random()
        if how < 0.2:
            del inside[key]
        elif how < 0.3 and isinstance(inside, dict):
            inside[chance.choice(["", "a", "stream", "n", "plan", "longspan", "type", "id"])] = deepcopy(
                chance.choice(VALUES)
            )
        else:
            inside[key] = deepcopy(chance.choice(VALUES))
        if not value:
            break
    return value


def damaged(chance: random.Random, data: bytes) -> bytes:
    """Bytes of which some are others, missing, or twice there."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 5)):
        place = chance.randrange(len(changed)) if changed else 0
        how = chance.random()
        if how < 0.5 and changed:
            changed[place] = chance.randrange(256)
        elif how < 0.75:
            del changed[place : place + chance.randint(1, 30)]
        else:
            changed[place:place] = changed[place : place + chance.randint(1, 30)]
    return bytes(changed)


@pytest.fixture(scope="module")
def root(small_folder):
    def make():
        desk = LocalDesk(longspan.load(small_folder), name="small", limits=Limits(chunk=32, answer=8))
        return create_app(desk, Settings(log=False)), desk.close

    with served(make) as address:
        yield address.removesuffix("/v1")


def is_clear(answer: httpx.Response, asked) -> None:
    """Fails where an answer says nothing, or that the server failed."""
    assert answer.status_code < 500 or answer.status_code in (501, 503, 504), (answer.text, asked)
    assert "Traceback" not in answer.text, asked
    if answer.status_code >= 400 and answer.request.method != "HEAD":
        error = answer.json()["error"]
        assert error["message"], asked
        assert len(answer.text) < 5000, asked
    elif answer.headers.get("content-type", "").startswith("text/event-stream"):
        assert "internal_error" not in answer.text, (answer.text, asked)
        assert "api_error" not in answer.text, (answer.text, asked)


def test_each_request_ends_in_a_clear_answer(root):
    chance = random.Random(19)
    with httpx.Client(base_url=root, timeout=30) as client:
        for number in range(COUNT):
            path, whole = chance.choice(WHOLE)
            how = chance.random()
            kind = {"content-type": "application/json"}
            if how < 0.7:
                fields = spoilt(chance, whole)
                is_clear(client.post(path, content=json.dumps(fields), headers=kind), (number, path, fields))
            elif how < 0.85:
                data = damaged(chance, json.dumps(whole).encode())
                is_clear(client.post(path, content=data, headers=kind), (number, path, data))
            elif how < 0.95:
                data = json.dumps(whole).encode()
                head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                request = f"{head}Connection: close\r\nContent-Length: {len(data)}\r\n\r\n".encode()
                answer = answered(root, damaged(chance, request) + data)
                assert status(answer) in (0, *range(200, 502), 503, 504), (number, answer)
                assert status(answer) != 500, (number, answer)
            else:
                method = chance.choice(METHODS)
                extra = chance.choice(["", "/", "/a", "?a=%ff", "/%00", "/../..", "%2f"])
                is_clear(client.request(method, path + extra), (number, method, path, extra))
        whole = {"messages": TURNS, "max_tokens": 3}
        answer = client.post("/v1/chat/completions", json=whole)
        assert answer.json()["usage"]["completion_tokens"] > 0
        health = client.get("/health").json()
        assert (health["status"], health["running"], health["waiting"]) == ("ok", 0, 0)
