"""What was said is kept step by step, and found again by what was asked."""

import json
import subprocess
import sys

import pytest

from longspan.errors import FlowError, WindowExceeded
from longspan.flows.chat import Failed
from longspan.flows.scripted import Scripted
from longspan.flows.trace import Trace, Traced


def said(words):
    return [{"role": "user", "content": words}]


def texts(replies):
    return [None if isinstance(each, Failed) else each.text for each in replies]


def test_what_was_said_is_not_asked_again(tmp_path):
    path, count = tmp_path / "trace.jsonl", iter(range(99))
    rules = [("bad", WindowExceeded("no")), ("", lambda asked: f"{asked} {next(count)}")]
    with Trace(path) as trace:
        chat = Traced(Scripted(rules), trace)
        first = texts(chat.generate_all([said("a"), said("bad"), said("b"), said("a")]))
        assert first == ["a 0", None, "b 1", "a 2"]
        assert chat.generate(said("c"), temperature=1.0).text == "c 3"
    pieces = []
    with Trace(path) as trace:
        again = Scripted(rules)
        chat = Traced(again, trace)
        assert texts(chat.generate_all([said("a"), said("bad"), said("b"), said("a")])) == first
        assert chat.generate(said("c"), stream=pieces.append, temperature=1.0).text == "c 3"
        assert pieces == ["c 3"]
        assert again.asked == ["bad"], "what failed is asked again"
        assert chat.generate(said("c"), temperature=0.5).text == "c 4", "other settings"
        assert chat.generate(said("a")).text == "a 5", "asked once more than before"
        assert trace.used == 4
    with Trace(path) as trace:
        other = Traced(Scripted(rules, identity="another"), trace)
        assert other.generate(said("a")).text == "a 6"


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_line_that_was_not_written_to_its_end_is_not_there(tmp_path, cut):
    path = tmp_path / "trace.jsonl"
    with Trace(path) as trace:
        chat = Traced(Scripted([("", lambda asked: f"said {asked}")]), trace)
        chat.generate(said("é one"))
        chat.generate(said("two"))
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    with Trace(path) as trace:
        again = Scripted([("", lambda asked: f"said {asked}")])
        chat = Traced(again, trace)
        chat.generate(said("é one"))
        chat.generate(said("two"))
        assert again.asked == ["two"]
    assert path.read_bytes() == whole


def test_what_is_no_trace_is_refused(tmp_path):
    path = tmp_path / "trace.jsonl"
    path.write_text(json.dumps({"text": "x"}) + "\n")
    with pytest.raises(FlowError, match="line 1, is no reply"):
        Trace(path)
    path.unlink()
    Trace(path).close()


def test_a_trace_belongs_to_one_process(tmp_path):
    path = tmp_path / "trace.jsonl"
    code = (
        "import sys; from pathlib import Path; from longspan.flows.trace import Trace;"
        "trace = Trace(Path(sys.argv[1])); print('open', flush=True); input()"
    )
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "open\n"
        with pytest.raises(FlowError, match="another process"):
            Trace(path)
        other.kill()
    Trace(path).close(remove=True)
    assert not path.exists()
