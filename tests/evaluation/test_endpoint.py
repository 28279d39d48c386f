"""Any OpenAI-compatible server as the target of a run, here a real one on this machine that fails as told."""

import json
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from toy import HAYSTACK, given, toy

from longspan.errors import WindowExceeded
from longspan.evaluation import Haystack, RunFolder, TaskError
from longspan.evaluation.asking import Asking
from longspan.evaluation.catalogue import tasks
from longspan.evaluation.endpoint import Endpoint
from longspan.evaluation.job import Job
from longspan.evaluation.run import run
from longspan.flows.base import Events
from longspan.flows.best_passages import BestPassages
from longspan.flows.served import EndpointError
from longspan.plan import Plan
from longspan.spans import Document
from tiny import tiny_tokenizer

SLOW = 0.5
"""Seconds after which some tests give up; a busy machine must answer faster where nothing is wrong."""


class Server:
    """Answers with the number of characters it was asked with; `failures` are tried before each right answer."""

    def __init__(self):
        self.failures, self.asked, self.headers = [], [], []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                self.reply(200, {"data": [{"id": "served"}]})

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append((self.path, body))
                outer.headers.append(dict(self.headers))
                failure = outer.failures.pop(0) if outer.failures else None
                if failure == "slow":
                    time.sleep(2 * SLOW)
                elif failure == "cut":
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{")
                    return
                elif failure is not None:
                    self.reply(*failure)
                    return
                if self.path.endswith("/chat/completions"):
                    choice = {"message": {"content": str(len(body["messages"][0]["content"]))}}
                else:
                    choice = {"text": str(len(body["prompt"]))}
                self.reply(200, {"choices": [choice], "usage": {"prompt_tokens": 7, "completion_tokens": 2}})

            def reply(self, status, content):
                data = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                with suppress(BrokenPipeError):
                    self.wfile.write(data)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def server():
    started = Server()
    yield started
    started.stop()


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LONGSPAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def endpoint(server, **changes):
    facts = {
        "url": server.url,
        "tokenizer": tiny_tokenizer(),
        "tokenizer_name": "bytes",
        "pause": 0.01,
        "timeout": 30,
    }
    return Endpoint(**{**facts, **changes})


def job(**changes):
    return Job(
        **{
            "tasks": (toy(), given("one", "two")),
            "lengths": (200,),
            "samples": 2,
            "haystack": HAYSTACK,
            **changes,
        }
    )


def test_a_run_on_a_server(server, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    folder = RunFolder(tmp_path / "a")
    run(job(), endpoint(server), folder)
    records = list(folder.records())
    assert len(records) == 4
    sent = {len(body["messages"][0]["content"]): body for _, body in server.asked}
    assert {record.output for record in records} == {str(size) for size in sent}
    assert all(record.prompt_tokens == 7 and record.decode_seconds > 0 for record in records)
    assert all(body["model"] == "served" and body["temperature"] == 0 for body in sent.values())
    assert all(body["max_tokens"] == 6 for body in sent.values())
    assert all(headers["Authorization"] == "Bearer key" for headers in server.headers)
    assert folder.description["model"]["name"] == "served"
    asked = len(server.asked)
    run(job(), endpoint(server), folder)
    assert len(server.asked) == asked


def test_a_task_without_template_is_a_completion(server, tmp_path):
    run(job(tasks=(given("one", chat=False),)), endpoint(server), RunFolder(tmp_path))
    ((path, body),) = server.asked
    assert path == "/v1/completions"
    assert body["prompt"] == "one And?"


@pytest.mark.parametrize("failure", [(500, {}), (429, {}), "slow", "cut"])
def test_what_fails_for_a_while_is_tried_again(server, tmp_path, failure):
    server.failures = [failure] * 3
    run(job(), endpoint(server, parallel=1, timeout=SLOW if failure == "slow" else 30), RunFolder(tmp_path))
    assert len(list(RunFolder(tmp_path).records())) == 4
    assert len(server.asked) == 4 + 3


@pytest.mark.parametrize(
    ("failure", "reason"), [((503, {}), "status 503"), ("slow", r"no answer within 0.5 s")]
)
def test_what_keeps_failing_ends_plainly_and_loses_nothing(server, tmp_path, failure, reason):
    timeout = SLOW if failure == "slow" else 30
    folder, target = RunFolder(tmp_path), endpoint(server, parallel=1, attempts=3, timeout=timeout)

    def break_down(progress):
        if progress.processed == 2:
            server.failures = [failure] * 99

    with pytest.raises(EndpointError, match=rf"failed 3 times \({reason}\).*run the same command again"):
        run(job(), target, folder, break_down)
    kept = list(folder.records())
    assert len(kept) == 2
    server.failures = []
    run(job(), target, folder)
    assert len(list(folder.records())) == 4
    assert list(folder.records())[:2] == kept


def test_a_server_that_is_down(server):
    server.stop()
    with pytest.raises(EndpointError, match=r"failed 2 times \(.*refused"):
        endpoint(server, attempts=2)


def test_a_refusal_is_not_tried_again(server, tmp_path):
    server.failures = [(401, {"error": "who are you"})]
    with pytest.raises(EndpointError, match=r"refused: status 401.*who are you.*check endpoint="):
        run(job(), endpoint(server, parallel=1), RunFolder(tmp_path))
    assert len(server.asked) == 1


def test_a_prompt_that_does_not_fit_is_too_long(server, tmp_path):
    said = [
        {"error": {"code": "context_length_exceeded"}},
        "This model's maximum context length is 4096 tokens. However, you requested 5000.",
        {"error": {"message": "the request exceeds the available context size, try increasing it"}},
        "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens",
        "The input (5000 tokens) is longer than the model's context length (4096 tokens).",
        "prompt is too long: 212345 tokens > 200000 maximum",
        "The input token count (1100000) exceeds the maximum number of tokens allowed (1048576).",
        "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum",
    ]
    server.failures = [(400, each) for each in said]
    asked = job(tasks=(given(*map(str, range(len(said) + 1))),), samples=None)
    run(asked, endpoint(server, parallel=1), RunFolder(tmp_path))
    found = [record.status for record in RunFolder(tmp_path).records()]
    assert found == ["too-long"] * len(said) + ["scored"]


def test_reasoning_of_a_server_is_not_scored(server, tmp_path):
    server.failures = [(200, {"choices": [{"message": {"content": "Hm</think>7"}}]})]
    run(job(samples=1, tasks=(toy(),), asking=Asking(thinking=90)), endpoint(server), RunFolder(tmp_path))
    (record,) = RunFolder(tmp_path).records()
    assert (record.output, record.reasoning) == ("7", "Hm")
    assert server.asked[0][1]["max_tokens"] == 96


def test_a_server_is_sent_the_variables_of_its_template(server, tmp_path):
    asking = Asking(template={"enable_thinking": False})
    run(job(samples=1, tasks=(toy(),), asking=asking), endpoint(server), RunFolder(tmp_path))
    assert server.asked[0][1]["chat_template_kwargs"] == {"enable_thinking": False}


@pytest.mark.parametrize("said", ["max_tokens is too large: 30000.", "stop has too many strings", "no model"])
def test_what_else_a_server_refuses_ends_the_run(server, tmp_path, said):
    server.failures = [(400, said)]
    with pytest.raises(EndpointError, match="refused: status 400"):
        run(job(), endpoint(server, parallel=1), RunFolder(tmp_path))


@pytest.mark.parametrize("reply", [b"<html>", {"choices": []}, [1], {"choices": [{"message": {}}]}])
def test_something_other_than_an_answer(server, tmp_path, reply):
    server.failures = [(200, reply)]
    with pytest.raises(EndpointError, match="OpenAI-compatible"):
        run(job(), endpoint(server, parallel=1), RunFolder(tmp_path))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"plans": (Plan.of("codec=int8"),)}, "takes no plan"),
        ({"asking": Asking(question="unseen")}, "reads whole prompts"),
        ({"asking": Asking(too_long="middle")}, "reads whole prompts"),
    ],
)
def test_what_a_server_cannot_do_is_refused(server, tmp_path, changes, reason):
    with pytest.raises(TaskError, match=reason):
        run(job(**changes), endpoint(server), RunFolder(tmp_path))
    assert server.asked == []


def test_likelihoods_are_refused(server, tmp_path):
    text = Haystack(
        repeats=True, name="numbers", text=" ".join(f"Boat {number} is at sea." for number in range(200))
    )
    wanted = job(tasks=tasks("perplexity"), haystack=text, lengths=(800,))
    with pytest.raises(TaskError, match="does not tell; use model="):
        run(wanted, endpoint(server), RunFolder(tmp_path))


def test_what_is_asked_of_a_server(server, tmp_path):
    asking = Asking(
        system="Be brief.", few_shot=1, temperature=0.5, top_p=0.9, seed=3, repeats=2, stop=("\n",)
    )
    task = given("Text one. ", "Text two. ")
    object.__setattr__(task, "__class__", type("Right", (type(task),), {"score": lambda *_: {"score": 1.0}}))
    run(job(tasks=(task,), asking=asking, samples=None), endpoint(server), RunFolder(tmp_path))
    bodies = [body for _, body in server.asked]
    assert len(bodies) == 2  # one of the two samples is the example, the other is asked twice
    for body in bodies:
        assert [each["role"] for each in body["messages"]] == ["system", "user", "assistant", "user"]
        assert (body["temperature"], body["top_p"], body["stop"]) == (0.5, 0.9, ["\n"])
    assert bodies[0]["seed"] != bodies[1]["seed"]
    assert bodies[0]["messages"] == bodies[1]["messages"]


def test_a_server_that_has_another_name_for_the_longest_answer(server, tmp_path):
    server.failures = [(400, {"error": "Unsupported parameter: max_tokens, use max_completion_tokens"})]
    run(job(), endpoint(server, parallel=1), RunFolder(tmp_path))
    assert [("max_tokens" in body, "max_completion_tokens" in body) for _, body in server.asked] == [
        (True, False),
        *[(False, True)] * 4,
    ]


def test_answers_beside_one_that_fails_are_kept(server, tmp_path):
    server.failures = [None, (401, {"error": "no"}), None, None]
    folder = RunFolder(tmp_path)
    with pytest.raises(EndpointError, match="status 401"):
        run(job(), endpoint(server, parallel=4), folder)
    kept = len(list(folder.records()))
    run(job(), endpoint(server), folder)
    assert len(server.asked) == 4 + 4 - kept


def test_a_count_of_tokens_that_is_none_is_counted_here(server, tmp_path):
    usages = [{"prompt_tokens": "many"}, {"completion_tokens": -1}, [], None, {"prompt_tokens": True}]
    content = [{"type": "text", "text": "It is"}, {"type": "image"}]
    server.failures = [
        (200, {"choices": [{"message": {"content": content}}], "usage": usage}) for usage in usages
    ]
    asked = job(tasks=(given(*map(str, range(len(usages)))),), samples=None)
    run(asked, endpoint(server, parallel=1), RunFolder(tmp_path))
    records = list(RunFolder(tmp_path).records())
    assert [(record.output, record.generated_tokens) for record in records] == [("It is", 5)] * len(usages)
    assert all(record.prompt_tokens > 1 for record in records)


def test_a_flow_asks_a_server_as_it_asks_a_model(server):
    document, pieces = Document("letter.txt", "The baker hid the letter. The sailor slept."), []
    events = Events(stream=pieces.append, generation={"max_new_tokens": 9, "seed": 3, "stop": ("x",)})
    answer = BestPassages(tokens=400).answer(endpoint(server), [document], "Who hid it?", events)
    ((path, body),) = server.asked
    assert path.endswith("/chat/completions")
    (message,) = body.pop("messages")
    assert body == {"model": "served", "max_tokens": 9, "temperature": 0.0, "seed": 3, "stop": ["x"]}
    assert document.text in message["content"]
    assert message["content"].endswith("\n\nWho hid it?")
    assert answer.text == "".join(pieces) == str(len(message["content"]))
    assert (answer.usage.prompt_tokens, answer.usage.generated_tokens) == (7, 2)


def test_messages_that_do_not_fit_a_server_exceed_its_window(server):
    server.failures = [(400, {"error": "maximum context length is 10 tokens"})]
    with pytest.raises(WindowExceeded, match="5 characters do not fit the window of served"):
        endpoint(server).generate([{"role": "user", "content": "Hello"}])
