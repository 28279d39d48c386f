"""short-m@k over a server: the first to come are enough, and the other requests are cancelled."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from longspan.flows.base import Events
from longspan.flows.served import Served
from longspan.reasoning.self_consistency import SelfConsistency
from longspan.reasoning.short_m_at_k import ShortMAtK
from tiny import tiny_tokenizer

ASKED = [{"role": "user", "content": "What is it?"}]


@pytest.fixture
def server():
    """Says the seed; those above 1 think for long, and 7 is always wrong. `left` are those that nobody heard."""
    left, busy = [], {0: 1}

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seed = body["seed"]
            if busy.pop(seed, 0):
                self.send_error(503)
                return
            if seed == 7:
                self.send_error(404)
                return
            for _ in range(40 if seed > 1 else 0):
                time.sleep(0.05)
                self.connection.settimeout(0.001)
                try:
                    if self.connection.recv(1) == b"":
                        left.append(seed)
                        return
                except TimeoutError:
                    pass
            said = {"choices": [{"message": {"content": f"Answer: {seed}"}, "finish_reason": "stop"}]}
            data = json.dumps(said).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    started = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=started.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{started.server_port}/v1", left
    started.shutdown()


def chat_of(url):
    return Served(
        url=url,
        model="m",
        tokenizer=tiny_tokenizer(),
        tokenizer_name="tiny",
        parallel=4,
        pause=0.01,
        attempts=2,
    )


def test_the_first_to_come_are_enough_and_the_others_are_cancelled(server):
    url, left = server
    began = time.perf_counter()
    found = ShortMAtK(m=2, k=4).reason(chat_of(url), ASKED, Events())
    assert time.perf_counter() - began < 1.9
    assert [each.reply.stopped for each in found.chains] == [False, False, True, True]
    assert set(found.votes) == {"0", "1"}
    for _ in range(40):
        if sorted(left) == [2, 3]:
            break
        time.sleep(0.05)
    assert sorted(left) == [2, 3]


def test_requests_that_fail_leave_the_others_alone(server):
    found = SelfConsistency(chains=3).reason(chat_of(server[0]), ASKED, Events(generation={"seed": 0}))
    assert [each.answer for each in found.chains] == ["0", "1", "2"]
    found = SelfConsistency(chains=2).reason(chat_of(server[0]), ASKED, Events(generation={"seed": 6}))
    assert [each.answer for each in found.chains] == ["6", None]
    assert "status 404" in found.chains[1].reply.reason
