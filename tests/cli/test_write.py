"""`longspan write`: what it shows and where it puts it, and a run that is killed."""

import json
import os
import random
import signal
import sys
import time
from collections import Counter

import pytest

from longspan.cli import main
from longspan.flows.recursive_summary import count_words
from obedient import obeys, served


@pytest.fixture
def server():
    with served(obeys) as (url, asked):
        yield url, asked


def words_of(url, folder, *more):
    return ["write", "Tell of Veddin.", "--endpoint", url, "--model", "m", "--tokenizer", folder, *more]


def test_a_text_its_places_and_its_file(run, server, small_folder, tmp_path):
    url, _ = server
    log, out = tmp_path / "log.txt", tmp_path / "out.md"
    log.write_text(" ".join(f"On day {day} the lamp burned {day} pints." for day in range(9)))
    code, shown, told = run(*words_of(url, small_folder, "--words", 400, "--sources", log, "--out", out))
    assert code == 0
    assert "## what happened on day 1" in out.read_text()
    assert "sentences rest on the sources" in shown
    assert f"words in {out}" in shown
    assert "takes notes on" in told
    assert not list((tmp_path / "cache" / "traces").glob("*.jsonl"))
    code, shown, told = run(*words_of(url, small_folder, "--words", 300, "--json"))
    found = json.loads(shown)
    assert (code, told) == (0, "")
    assert count_words(found["text"]) == found["words"]["written"] == 300
    folder = tmp_path / "files"
    folder.mkdir()
    code, _, _ = run(*words_of(url, small_folder, "--words", 300, "--method", "l2mac", "--out", folder))
    assert [f"chapter-{number}.md" for number in range(1, 5)] == sorted(
        each.name for each in folder.iterdir()
    )


def test_what_cannot_be_is_one_line(run, server, small_folder, tmp_path):
    url, asked = server
    for more, line in (
        (["--words", 0], "--words=0"),
        (["--words", 9_000_000], "--words=9000000"),
        (["--method", "novel"], "--method='novel'"),
        (["--method", "agent-write(tail=-1)"], "tail=-1"),
        (["--method", "surveyx"], "--sources"),
        (["--out", tmp_path / "none" / "x.md"], "lies in no folder"),
        (["--sources", tmp_path / "none"], "none"),
        (["--plan", "codec=int8"], "--plan is for models of"),
        (["--template", "a=1"], "--template is for models of"),
    ):
        code, out, err = run(*words_of(url, small_folder, *more))
        assert (code, out) == (2, ""), more
        assert line in err
        assert err.count("\n") == 1
    code, _, err = run("write", " \u200b", "--endpoint", url)
    assert (code, "the task is empty" in err) == (2, True)
    assert asked == []


def killed_after(seconds):
    """Runs the command in a fork of this process, for so long at most; whether it came to its end."""
    child = os.fork()
    if not child:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(1, 2)
        try:
            main()
        except SystemExit as stopped:
            os._exit(stopped.code or 0)
        os._exit(1)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            assert status == 0
            return True
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process forks")
def test_a_run_that_is_killed_goes_on(run, small_folder, tmp_path, monkeypatch):
    drawn = random.Random(0)
    out, whole = tmp_path / "out.md", tmp_path / "whole.md"
    with served(obeys, pause=0.02) as (url, asked):
        words = words_of(url, small_folder, "--words", 400)
        began = time.monotonic()
        assert run(*words, "--out", whole)[0] == 0
        took, once = time.monotonic() - began, Counter(asked)
        asked.clear()
        monkeypatch.setattr(sys, "argv", ["longspan", *map(str, words), "--out", str(out)])
        kills = 0
        while kills < 3 and not killed_after(drawn.uniform(0.1, 0.6) * took):
            kills += 1
            assert not out.exists()
        assert out.exists() or killed_after(60)
    assert out.read_text() == whole.read_text()
    assert set(asked) == set(once)
    assert sum((Counter(asked) - once).values()) <= kills, "what was under way when it was killed"
