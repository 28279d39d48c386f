"""A model that does what it is asked: plans, and texts of just so many words that say nothing twice."""

import hashlib
import json
import random
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SYLLABLES = [first + second for first in "bdfglmnprst" for second in "aeiou"]
PLAN = "\n".join(
    f"Paragraph {number} - Main Point: what happened on day {number} - Word Count: 250 words"
    for number in range(1, 9)
)


def text(words, seed, sentence=10):
    """So many words in sentences of ten, in paragraphs of fifty, other words for each seed."""
    drawn = random.Random(seed)
    said = ["".join(drawn.choices(SYLLABLES, k=2)) for _ in range(words)]
    sentences = [" ".join(said[at : at + sentence]).capitalize() + "." for at in range(0, words, sentence)]
    return "\n\n".join(" ".join(sentences[at : at + 5]) for at in range(0, len(sentences), 5))


def wanted(asked):
    """The words that a prompt asks for."""
    return int(re.findall(r"about ([\d,]+) words", asked)[-1].replace(",", ""))


def obeys(asked):
    """What the model says to all that it is shown, joined; the same to the same."""
    seed = hashlib.sha256(asked.encode()).hexdigest()
    if "Give the plan" in asked or "Give the outline" in asked:
        return PLAN
    if "Divide the work" in asked:
        return PLAN.replace("Paragraph", "Step")
    if "Is the step done?" in asked:
        return "DONE: it is written."
    if "Carry out step" in asked:
        number = re.findall(r"Carry out step (\d+)", asked)[-1]
        return f"WRITE: chapter-{number}.md\n{text(wanted(asked), seed)}"
    if "search words" in asked:
        return "lamp"
    if "Take notes" in asked:
        passages = re.findall(r"^\[(\d+)\] \(.*\)\n(.*)", asked, re.MULTILINE)
        return "\n".join(f"subject: {said.split('.')[0]} [{number}]" for number, said in passages)
    if "Make its world" in asked:
        return json.dumps({"title": "Veddin", "characters": ["Anna"]})
    if 'fields: "text"' in asked:
        return json.dumps({"text": text(wanted(asked), seed), "choices": ["left", "right", "up"]})
    return text(wanted(asked), seed)


@contextmanager
def served(says, pause=0.0):
    """An OpenAI-compatible server that says what a function of all words of a request gives; its address, and a list
    of what it was asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            said = "\n".join(each["content"] for each in body["messages"])
            threading.Event().wait(pause)
            asked.append(said)
            message = {"role": "assistant", "content": says(said)}
            data = json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", asked
    finally:
        server.shutdown()
        server.server_close()
