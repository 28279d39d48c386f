"""The same flow gives the same answer, whether the model is of this process or behind a server."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from stories import FACT, book, heard

from longspan import registry
from longspan.errors import FlowError, WindowExceeded
from longspan.evaluation.flowing import flow_of
from longspan.flows.base import NOT_FOUND
from longspan.flows.chain_of_agents import ChainOfAgents
from longspan.flows.chat import Local
from longspan.flows.medoid_voting import MedoidVoting
from longspan.flows.scripted import Scripted
from longspan.flows.served import Served
from longspan.spans import Document, tokenize
from tiny import tiny_model, tiny_tokenizer

TEXT = "The baker hid it. " * 16 + "\n\n" + "The sea was calm. " * 16
FLOWS = [ChainOfAgents(chunk=1300, note=16), MedoidVoting(temperature=0, tokens=500, passage=200)]
SETTINGS = {"max_new_tokens": 12, "repetition_penalty": 1.3}
LOOKING = ("cafe", "gemfilter", "infini-retri", "side-by-side", "xl3m")
TALKING = sorted({each.name for each in registry.cards("flow")} - {*LOOKING})


@contextmanager
def serving(chat):
    """The address of an OpenAI-compatible server over a chat of this process."""
    alone = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            known = ("temperature", "repetition_penalty")
            given = {name: body[name] for name in known if name in body}
            try:
                with alone:
                    reply = chat.generate(body["messages"], max_new_tokens=body["max_tokens"], **given)
            except WindowExceeded:
                self.send(400, {"error": {"message": "the prompt exceeds the context length"}})
                return
            message = {"role": "assistant", "content": reply.text}
            usage = {
                "prompt_tokens": reply.usage.prompt_tokens,
                "completion_tokens": reply.usage.generated_tokens,
            }
            choice = {"message": message, "finish_reason": "length" if reply.cut else "stop"}
            self.send(200, {"choices": [choice], "usage": usage})

        def send(self, status, content):
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    started = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=started.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{started.server_port}/v1"
    started.shutdown()
    started.server_close()


def served(url, longest):
    tokenizer = tiny_tokenizer()
    return Served(url=url, model="tiny", tokenizer=tokenizer, tokenizer_name="tiny", longest=longest)


def same(flow, here, there, documents, **settings):
    """The answer of both, which is the same in text, claims and cost."""
    one, other = (
        flow.answer(chat, documents, "Who hid the letter?", heard(**settings)[0]) for chat in (here, there)
    )
    assert one.text == other.text != ""
    assert [each.to_dict() for each in one.claims] == [each.to_dict() for each in other.claims]
    assert one.citations == other.citations
    for name in ("prompt_tokens", "generated_tokens", "truncated_tokens"):
        assert getattr(one.usage, name) == getattr(other.usage, name)
    return one


@pytest.fixture(scope="module")
def small():
    chat = Local(tiny_model(), "positions=pi(factor=8)")
    with serving(chat) as url:
        yield chat, served(url, chat.longest)


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: type(flow).__name__)
def test_the_same_answer_from_a_server(small, flow):
    same(flow, *small, [Document("book.txt", TEXT)], **SETTINGS)


# Every flow, over replies that follow from what is asked.

BYTES = 24_576  # what the tiny tokenizer takes for tokens
ENDS = "answer['content'] = 'The baker hid the letter.'\nanswer['ready'] = True"


def reading(asked):
    """What a model says that knows its protocols: by the last of what it is asked."""
    if "documents by looking" in asked:
        calls = (
            ("Kept as quote", {"tool": "answer", "text": "The baker hid the letter.", "quotes": [1]}),
            ("[1] ", {"tool": "quote", "passage": 1, "first": 1, "last": 1}),
            ("Call: ", {"tool": "open", "passage": 1, "around": 0}),
            ("", {"tool": "search", "query": "letter"}),
        )
        return json.dumps(next(call for mark, call in calls if mark in asked))
    if "YES or NO" in asked:
        return "YES" if FACT in asked and "N/A" not in asked else "NO"
    if "`context`" in asked:
        return f"I answer. Confidence: 90%\n```python\n{ENDS}\n```"
    if "Action:" in asked:
        return "Reasoning: it may.\nAction: " + ("answer" if "one word alone" in asked else "1")
    if "keep or remove" in asked:
        return "keep"
    if FACT not in asked:
        return "NONE"
    if "four lines" in asked:
        return f"Information: {FACT}\nRationale: so it is.\nAnswer: the baker\nConfidence: 5"
    return f"Evidence: {FACT}\nReasoning: the baker" if "two lines" in asked else FACT


def scripted():
    def count(text):
        return len(tokenize(tiny_tokenizer(), text, plain=True))

    return Scripted([("", reading)], longest=BYTES, count=count)


@pytest.fixture(scope="module")
def scripts():
    behind = scripted()
    with serving(behind) as url:
        yield scripted(), behind, served(url, BYTES)


@pytest.mark.parametrize("name", TALKING)
def test_every_flow_gives_the_same_answer_over_http(scripts, name, monkeypatch, tmp_path):
    monkeypatch.setenv("LONGSPAN_CACHE", str(tmp_path))
    here, behind, there = scripts
    here.calls.clear()
    behind.calls.clear()
    whole = Document("book.txt", f"{FACT}\n\n{book({14: FACT}, pages=16).text}")
    answer = same(flow_of(name), here, there, [whole], max_new_tokens=60)
    assert sorted(here.asked) == sorted(behind.asked) != []
    assert answer.text != NOT_FOUND
    assert "baker" in answer.text or name == "recursive-summary"


@pytest.mark.parametrize("name", LOOKING)
def test_a_flow_that_looks_inside_is_refused_behind_a_server(scripts, name):
    with pytest.raises(FlowError, match=rf"^{name} looks inside the model.*; give a model of this process"):
        flow_of(name).answer(scripts[2], [book({})], "Who hid the letter?", heard()[0])
