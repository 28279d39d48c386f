"""A server that converses answers as a model of this process."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from longspan.conversing.continuing import Continuing
from longspan.conversing.rounds import Rounds
from longspan.conversing.talk import Talk
from longspan.flows.chat import Local
from longspan.flows.served import Served
from longspan.memory import Memory
from tiny import WINDOW, tiny_model


def test_a_server_answers_as_the_model_in_this_process(tmp_path):
    """The same conversation over HTTP, against the model itself."""
    model = tiny_model()

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            reply = Local(model).generate(body["messages"], max_new_tokens=body["max_tokens"])
            choice = {"message": {"content": reply.text}, "finish_reason": "stop"}
            data = json.dumps({"choices": [choice]}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/v1"
    served = Served(url=url, model="tiny", tokenizer=model.tokenizer, tokenizer_name="tiny", attempts=1)
    answers = []
    try:
        with Continuing(model) as here:
            for name, chat in (("here", here), ("there", served)):
                with Memory(tmp_path / name, now=lambda: 0.0) as memory:
                    talk = Talk(chat=chat, memory=memory, way=Rounds(), window=WINDOW, system="Help.")
                    talk.events.generation["max_new_tokens"] = 6
                    answers.append([talk.say(f"{number} the lamp is lit").text for number in range(8)])
                    assert memory.mark(1, "window") > 0
    finally:
        server.shutdown()
        server.server_close()
    assert answers[0] == answers[1]
