"""The same flow gives the same answer, whether the model is of this process or behind a server."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from stories import heard

from longspan.flows.chain_of_agents import ChainOfAgents
from longspan.flows.chat import Local
from longspan.flows.medoid_voting import MedoidVoting
from longspan.flows.served import Served
from longspan.spans import Document
from tiny import tiny_model, tiny_tokenizer

TEXT = "The baker hid it. " * 16 + "\n\n" + "The sea was calm. " * 16
FLOWS = [ChainOfAgents(chunk=1300, note=16), MedoidVoting(temperature=0, tokens=500, passage=200)]
SETTINGS = {"max_new_tokens": 12, "repetition_penalty": 1.3}


@pytest.fixture
def server():
    """An OpenAI-compatible server over a chat of this process."""
    chat, alone = Local(tiny_model(), "positions=pi(factor=8)"), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            limit = body["max_tokens"]
            penalty = body.get("repetition_penalty")
            with alone:
                reply = chat.generate(
                    body["messages"],
                    max_new_tokens=limit,
                    temperature=body["temperature"],
                    **({} if penalty is None else {"repetition_penalty": penalty}),
                )
            content = {
                "choices": [
                    {
                        "message": {"role": "assistant", "content": reply.text},
                        "finish_reason": "length" if reply.cut else "stop",
                    }
                ],
                "usage": {
                    "prompt_tokens": reply.usage.prompt_tokens,
                    "completion_tokens": reply.usage.generated_tokens,
                },
            }
            data = json.dumps(content).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    started = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=started.serve_forever, args=(0.01,), daemon=True).start()
    yield chat, f"http://127.0.0.1:{started.server_port}/v1"
    started.shutdown()
    started.server_close()


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: type(flow).__name__)
def test_the_same_answer_from_a_server(server, flow):
    chat, url = server
    served = Served(
        url=url, model="tiny", tokenizer=tiny_tokenizer(), tokenizer_name="tiny", longest=chat.longest
    )
    here, there = (
        flow.answer(asked, [Document("book.txt", TEXT)], "Who hid it?", heard(**SETTINGS)[0])
        for asked in (chat, served)
    )
    assert here.text == there.text != ""
    assert [each.to_dict() for each in here.claims] == [each.to_dict() for each in there.claims]
    assert here.usage.prompt_tokens == there.usage.prompt_tokens
    assert here.usage.generated_tokens == there.usage.generated_tokens
