"""`longspan chat`: lines and JSON, commands, a memory that survives what happens to the command."""

import io
import json
import multiprocessing
import os
import random
import sys

import pytest

from longspan.cli import main
from longspan.cli.talking import Ended, Talking
from longspan.conversing.rounds import Rounds
from longspan.conversing.talk import Talk
from longspan.flows.scripted import Scripted
from longspan.memory import Memory, memory_path


@pytest.fixture(autouse=True)
def memories(tmp_path, monkeypatch):
    monkeypatch.setenv("LONGSPAN_MEMORY", str(tmp_path / "memories"))


@pytest.fixture
def chat(monkeypatch, capsys, small_folder):
    """Runs `longspan chat` in this process on some lines: (exit code, standard output, standard error)."""

    def call(lines, *options):
        monkeypatch.setattr(
            sys, "argv", ["longspan", "chat", "--model", str(small_folder), *map(str, options)]
        )
        monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
        with pytest.raises(SystemExit) as stopped:
            main()
        printed = capsys.readouterr()
        return stopped.value.code or 0, printed.out, printed.err

    return call


def test_a_conversation_is_there_after_a_restart_and_gone_when_it_is_forgotten(chat, tmp_path):
    (tmp_path / "note.txt").write_text("The lamp was lit by Agna.\n")
    few = ("--memory", "diary", "--max-new-tokens", 4)
    code, out, err = chat("Hello, I am Una.\n\n/rule be brief\n", *few, "--with", tmp_path / "note.txt")
    assert code == 0, err
    assert "note.txt is attached: 26 characters" in err
    assert "rule 1 is kept" in out
    code, out, err = chat("/memory una\n/memory 1\n/new\nWho?\n//quit\n/quit\nnever", *few)
    assert code == 0, err
    assert "goes on after 1 round" in err
    assert "Hello, I am Una." in out
    with Memory(memory_path("diary")) as memory:
        said = [(each.session, each.text) for each in memory.turns() if each.role == "user"]
        assert said == [(1, "Hello, I am Una."), (2, "Who?"), (2, "/quit")]
        assert [each.text for each in memory.attached()] == ["The lamp was lit by Agna.\n"]
    code, out, _ = chat("/forget 1\n/memory una\n/forget all\n/memory\n", *few)
    assert "2 turns are erased" in out
    assert "nothing speaks of that" in out
    assert "0 rounds, 0 notes" in out


def test_json_lines_are_answered_once(chat):
    lines = '{"content": "One\\ntwo", "id": 7}\n{"content": "Three", "id": "b"}\nplain\n/memory\n'
    options = ("--memory", "x", "--json", "--max-new-tokens", 3)
    _, first, _ = chat(lines, *options)
    _, second, _ = chat(lines, *options)
    one, two = ([json.loads(line) for line in each.splitlines()] for each in (first, second))
    assert [each.get("id") for each in one] == ["7", "b", None, None]
    assert [each.get("kept", False) for each in two] == [True, True, False, False]
    assert [each["text"] for each in two[:2]] == [each["text"] for each in one[:2]]
    assert set(one[0]) == {"id", "text", "citations", "usage", "notes"}
    with Memory(memory_path("x")) as memory:
        assert [each.text for each in memory.turns() if each.role == "user"] == [
            "One\ntwo",
            "Three",
            "plain",
            "plain",
        ]


@pytest.mark.parametrize(
    ("line", "options", "says"),
    [
        ('{"content": 3}', ["--json"], '"content"'),
        ('{"content": "x", "id": [1]}', ["--json"], '"id"'),
        ('{"content": "x"', ["--json"], "no JSON"),
        ('{"content": " "}', ["--json"], "say something"),
        ("/nonsense", [], "/nonsense is no command"),
        ("/forget", [], "/forget takes numbers"),
        ("/forget 99", [], "names no round"),
        ("/memory 99", [], "no round"),
        ("/attach", [], "names no file"),
        ("/attach nowhere.txt", [], "nowhere.txt"),
        ("hello", ["--memory", "../x"], "is no name"),
        ("hello", ["--method", "rond"], "rounds"),
        ("hello", ["--method", "rounds(recalled=-1)"], "recalled"),
        ("hello", ["--endpoint", "http://localhost:1/v1", "--plan", "codec=int8"], "--plan"),
        ("hello", ["--window", "100", "--max-new-tokens", "99"], "no room"),
    ],
)
def test_what_cannot_be_done_is_a_line(chat, line, options, says):
    code, _, err = chat(f"{line}\n", *options)
    assert code == 2
    assert says in err.splitlines()[-1]
    assert "Traceback" not in err


def test_documents_that_changed_or_went_are_told(chat, tmp_path):
    note, gone = tmp_path / "note.txt", tmp_path / "gone.txt"
    note.write_text("The lamp was lit by Agna.\n")
    gone.write_text("The oil was brought by Piet.\n")
    chat("", "--memory", "d", "--with", note, "--with", gone)
    note.write_text("Nobody was here.\n")
    gone.unlink()
    _, _, err = chat("", "--memory", "d")
    assert "note.txt has changed; what was attached is used" in err
    assert "gone.txt is not there any more" in err


def test_an_interrupted_answer_is_kept_as_far_as_it_came(tmp_path):
    class Interrupted(Scripted):
        def generate(self, messages, *, stream=None, **generation):
            stream("Once upon")
            raise KeyboardInterrupt

    with Memory(tmp_path / "m.sqlite") as memory:
        talking = Talking(talk=Talk(chat=Interrupted([]), memory=memory, way=Rounds()))
        with pytest.raises(KeyboardInterrupt):
            talking.take("Tell me a story.")
        assert [each.text for each in memory.turns()] == ["Tell me a story.", "Once upon"]
        with pytest.raises(Ended):
            talking.take("/quit")


def held(path, lines, out):
    """A command's conversation, whose model says at once what it is asked."""
    chat = Scripted([("", lambda asked: f"answer to {asked.split()[-1]}")])
    with open(out, "w", buffering=1) as sys.stdout, Memory(path) as memory:
        talking = Talking(talk=Talk(chat=chat, memory=memory, way=Rounds(), window=400), as_json=True)
        talking.talk.events.generation["max_new_tokens"] = 20
        for line in lines:
            talking.take(line)


def test_what_was_killed_at_any_moment_goes_on(tmp_path):
    """Killed again and again, the same lines are answered once each, and no turn is lost or said twice."""
    path, out, chance = tmp_path / "m.sqlite", tmp_path / "out", random.Random(3)
    lines = [json.dumps({"id": number, "content": f"word {number}"}) for number in range(40)]
    kills, heard, fork = int(os.environ.get("LONGSPAN_KILLS", 8)), {}, multiprocessing.get_context("fork")
    for number in range(kills + 1):
        running = fork.Process(target=held, args=(path, lines, out))
        running.start()
        if number < kills:
            running.join(chance.uniform(0, 0.2))
            running.kill()
        running.join(60)
        written = out.read_text() if out.exists() else ""
        records = [json.loads(line) for line in written.splitlines()[: written.count("\n")]]
        for record in records:
            assert heard.setdefault(record["id"], record["text"]) == record["text"]
        with Memory(path) as memory:
            assert {each.label for each in memory.turns() if each.role == "assistant"} >= set(heard)
    assert running.exitcode == 0
    assert [each["text"] for each in records] == [f"answer to {number}" for number in range(40)]
    with Memory(path) as memory:
        answers = [each.label for each in memory.turns() if each.role == "assistant"]
        assert sorted(answers, key=int) == [str(number) for number in range(40)], "each once"
        unanswered = [each for each in memory.turns() if len(memory.turns(rounds=[each.round])) == 1]
        assert len(unanswered) <= kills
