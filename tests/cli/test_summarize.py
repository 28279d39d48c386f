"""`longspan summarize`, and `ask` by flows: what is shown, and how they go on."""

import json

import pytest

from longspan.flows.chat import Local
from longspan.profiles.effective import effective_window, keep_effective


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log.txt"
    path.write_text("\n".join(f"On day {day} the keeper trimmed the lamp." for day in range(90)))
    return path


def test_a_killed_summary_goes_on_and_says_the_same(run, small_folder, log, monkeypatch, tmp_path):
    monkeypatch.setattr(
        "longspan.flows.trace._AT_ONCE", 2
    )  # in both runs: what passes together counts in bf16
    words = ["summarize", log, "--model", small_folder, "--words", 9, "--chunk-tokens", 512, "--json"]
    code, expected, _ = run(*words)
    assert code == 0
    found = json.loads(expected)
    assert {"text", "citations", "usage", "claims"} <= set(found)
    asked, own = [], Local.generate_all

    def counted(self, prompts, **generation):
        asked.append(len(prompts))
        if len(asked) == 2:
            raise KeyboardInterrupt
        return own(self, prompts, **generation)

    monkeypatch.setattr(Local, "generate_all", counted)
    assert run(*words)[0] == 130
    (trace,) = (tmp_path / "cache" / "traces").glob("*.jsonl")
    assert len(trace.read_text().splitlines()) == asked[0] == 2
    monkeypatch.setattr(Local, "generate_all", own)
    code, out, err = run(*[each for each in words if each != "--json"])
    assert code == 0
    assert "goes on where it was stopped: 2 replies are known" in err
    assert found["text"].strip() in out
    assert "sentences rest on what was read" in out
    assert not trace.exists()


def test_what_cannot_be_is_one_line(run, log, small_folder):
    for words, line in (
        (["summarize", log, "--words", 9, "--percent", 2], "give one of them"),
        (["summarize", log, "--words", 0], "--words=0"),
        (["summarize", log, "--chunk-tokens", 300], "--chunk-tokens=300"),
        (["summarize", log, "--percent", 101], "--percent=101"),
        (["summarize", log, "--endpoint", "http://h/v1", "--plan", "codec=int8"], "--plan is for models of"),
        (
            ["ask", log, "Who?", "--endpoint", "http://h/v1", "--template", "a=1"],
            "--template is for models of",
        ),
    ):
        code, out, err = run(*words)
        assert (code, out) == (2, "")
        assert line in err
        assert err.count("\n") == 1


def test_the_flow_that_is_chosen_is_said(run, small_folder, log):
    words = [log, "How many lamps were there?", "--model", small_folder, "--max-new-tokens", 3]
    _, _, err = run("ask", *words)  # the notes of a random model may not become shorter
    assert "the question asks about all of it: part by part" in err
    assert "takes notes on" in err


def test_what_was_measured_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("LONGSPAN_CACHE", str(tmp_path))
    assert effective_window("ab", "") is None
    keep_effective("ab", "", 1024)
    keep_effective("ab", "codec=int8", 512)
    keep_effective("", "", 9)
    assert [effective_window("ab", plan) for plan in ("", "codec=int8", "x")] == [1024, 512, None]
    (tmp_path / "effective" / "ab.json").write_text("{broken")
    assert effective_window("ab", "") is None
