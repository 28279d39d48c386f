"""Contexts by HTTP: made of text, of files and of forms, listed, shown and deleted, each by its owner alone."""

from __future__ import annotations

import httpx
import pytest
from scripted_desk import ScriptedDesk, ScriptedTicket
from shell import KEYS, client, sent, shell

import pdfs
from longspan.serving.events import Done, Made, Read, Used
from longspan.serving.refused import Refused

TEXT = "The lamp was lit at dusk. The keeper slept."


@pytest.fixture(scope="module")
def desk():
    return ScriptedDesk()


@pytest.fixture(scope="module")
def root(desk):
    with shell(desk, keys=KEYS) as root:
        yield root


@pytest.fixture
def first(root, desk):
    desk.kept.clear()
    with client(root) as client_:
        yield client_


@pytest.fixture
def second(root):
    with client(root, KEYS[1]) as client_:
        yield client_


def read(client, **fields) -> dict:
    answer = client.post("/v1/contexts", json=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(answer: httpx.Response, status: int = 400) -> str:
    assert answer.status_code == status, answer.text
    return answer.json()["error"]["message"]


def test_a_text_is_read_once_and_told_of(first):
    made = read(first, text=TEXT, name="log.txt", plan="policy=snapkv(budget=64)")
    assert made["object"] == "context"
    assert made["id"].startswith("ctx_")
    assert (made["name"], made["documents"], made["tokens"]) == ("log.txt", ["log.txt"], 9)
    assert made["plan"] == "policy=snapkv(budget=64)"
    assert made["usage"]["prompt_tokens"] == 9
    shown = first.get(f"/v1/contexts/{made['id']}").json()
    assert shown == {name: made[name] for name in shown}
    assert first.get("/v1/contexts").json()["data"] == [shown]


def test_several_documents_are_one_context(first):
    made = read(first, documents=[{"name": "a", "text": "one"}, {"text": "two\r\nthree"}], name="both")
    assert made["documents"] == ["a", "document 2"]
    documents = first.get(f"/v1/contexts/{made['id']}/documents").json()["documents"]
    assert [each["text"] for each in documents] == ["one", "two\nthree"]


def test_reading_is_told_as_it_goes_on(first):
    answer = first.post("/v1/contexts", json={"text": TEXT, "stream": True})
    assert answer.headers["content-type"].startswith("text/event-stream")
    progress, made, end = sent(answer.text)
    assert progress == {"prompt_progress": {"total": 9, "cache": 0, "processed": 9, "time_ms": 100}}
    assert (made["object"], made["tokens"], end) == ("context", 9, "[DONE]")


def test_a_form_with_a_file_becomes_a_context_with_its_pages(first):
    file = pdfs.pages(["BT /F1 12 Tf 72 700 Td (Dusk at six.) Tj ET", "BT /F1 12 Tf 72 700 Td (Dawn.) Tj ET"])
    form = {"files": {"file": ("a/b/night.pdf", file)}, "data": {"plan": "", "stream": "false"}}
    made = first.post("/v1/contexts", **form).json()
    assert made["documents"] == ["night.pdf"]
    (document,) = first.get(f"/v1/contexts/{made['id']}/documents").json()["documents"]
    assert "Dusk at six." in document["text"]
    assert len(document["pages"]) == 2
    assert document["text"][document["pages"][1] :].strip() == "Dawn."


def test_a_file_that_was_left_becomes_a_context(first, second):
    file = first.post("/v1/files", files={"file": ("log.txt", TEXT.encode())}).json()
    made = read(first, file_id=file["id"], name="the log")
    assert (made["name"], made["documents"]) == ("the log", ["log.txt"])
    assert "no file" in refused(second.post("/v1/contexts", json={"file_id": file["id"]}), 404)


def test_what_is_in_a_file_and_not_in_its_text_is_said(first):
    page = b"<html><body><p>Dusk.</p><img src='http://127.0.0.1:9/lamp.png'></body></html>"
    made = first.post("/v1/contexts", files={"file": ("night.html", page)}).json()
    assert any(note.startswith("night.html: ") and "picture" in note for note in made["notes"])


def test_contexts_of_others_are_not_there(first, second):
    made = read(first, text=TEXT)
    assert second.get("/v1/contexts").json()["data"] == []
    unknown = second.get("/v1/contexts/ctx_0").json()
    for method, path in (("GET", ""), ("GET", "/documents"), ("DELETE", "")):
        answer = second.request(method, f"/v1/contexts/{made['id']}{path}")
        assert refused(answer, 404).replace(made["id"], "ctx_0") == unknown["error"]["message"]
    asked = {"messages": [{"role": "user", "content": "When?"}], "longspan": {"context": made["id"]}}
    refused(second.post("/v1/chat/completions", json=asked), 404)
    assert first.post("/v1/chat/completions", json=asked).status_code == 200


def test_a_deleted_context_is_gone(first):
    made = read(first, text=TEXT)
    assert first.delete(f"/v1/contexts/{made['id']}").json() == {
        "id": made["id"],
        "object": "context",
        "deleted": True,
    }
    refused(first.get(f"/v1/contexts/{made['id']}"), 404)
    refused(first.delete(f"/v1/contexts/{made['id']}"), 404)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "one of text, file_id and documents"),
        ({"text": "a", "file_id": "b"}, "one of text, file_id and documents"),
        ({"text": " "}, "text has no text"),
        ({"text": 3}, "allowed is a text"),
        ({"documents": []}, "documents are 0"),
        ({"documents": ["a"]}, "documents[0] must be an object"),
        ({"documents": [{"text": "a", "url": "b"}]}, "documents[0] must be an object"),
        ({"text": "a", "plam": ""}, "plam is not known"),
        ({"text": "a", "plan": "x" * 5000}, "allowed are 4,096"),
        ({"text": "a", "stream": "yes"}, "allowed is true or false"),
        ({"file_id": "../../etc/passwd"}, "no file '../../etc/passwd'"),
    ],
)
def test_what_cannot_be_read_is_refused(first, desk, fields, said):
    answer = first.post("/v1/contexts", json=fields)
    assert said in refused(answer, 404 if "file_id" in fields and "text" not in fields else 400)
    assert desk.kept == {}


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"files": {"file": ("a.txt", b"")}}, "is empty"),
        ({"files": {"other": ("a.txt", b"a")}}, "'other' is no field"),
        ({"files": {"file": ("a.txt", b"a")}, "data": {"url": "http://x"}}, "'url' is no field"),
        ({"files": {"file": ("a.txt", b"a")}, "data": {"stream": "1"}}, "stream is '1'"),
        ({"files": [("file", ("a", b"a")), ("file", ("b", b"b"))]}, "Too many files"),
        ({"files": {"file": ("a.exe", b"MZ\0\0" * 9)}}, "the file is "),
        ({"files": {"name": (None, b"a")}}, "the form has no file"),
        ({"content": b"--x", "headers": {"content-type": "multipart/form-data"}}, "boundary"),
        ({"content": b"--y--", "headers": {"content-type": "multipart/form-data; boundary=x"}}, "form"),
        (
            {"content": b"a", "headers": {"content-type": "multipart/mixed; boundary=x"}},
            "multipart/form-data",
        ),
    ],
)
def test_forms_that_cannot_be_read_are_refused(first, desk, form, said):
    assert said in refused(first.post("/v1/contexts", **form))
    assert desk.kept == {}


@pytest.mark.parametrize("charset", ["punycode", "undefined", "idna", "zlib", "no-such", "utf-16"])
def test_a_form_in_any_charset_is_answered(first, charset):
    part = b'--x\r\nContent-Disposition: form-data; name="n\xff\xfe-\xd8.."\r\n\r\na\xff-9999\r\n--x--\r\n'
    headers = {"content-type": f"multipart/form-data; boundary=x; charset={charset}"}
    refused(first.post("/v1/contexts", content=part, headers=headers))


def test_reading_that_fails_halfway_does_not_look_like_an_end(first, desk, monkeypatch):
    async def read(owner, documents, **more):
        return ScriptedTicket(
            [Read(processed=1, total=9, cached=0, seconds=0.1), Refused("no", kind="overloaded")]
        )

    monkeypatch.setattr(desk, "read", read)
    progress, error = sent(first.post("/v1/contexts", json={"text": TEXT, "stream": True}).text)
    assert "prompt_progress" in progress
    assert (error["error"]["message"], error["error"]["code"]) == ("no", "overloaded")
    assert refused(first.post("/v1/contexts", json={"text": TEXT}), 503) == "no"


def test_a_context_that_is_gone_when_it_was_made_is_an_error(first, desk, monkeypatch):
    async def read(owner, documents, **more):
        return ScriptedTicket([Made(id="ctx_gone"), Done(used=Used())])

    monkeypatch.setattr(desk, "read", read)
    refused(first.post("/v1/contexts", json={"text": TEXT}), 404)
