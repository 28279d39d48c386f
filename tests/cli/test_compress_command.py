"""`longspan compress` and `longspan ask --compress`: what is kept, what is shown, what is refused."""

import json

import pytest


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log.txt"
    lines = [f"On day {day} the sea was calm and nobody came." for day in range(40)]
    path.write_text("\n".join([*lines[:20], "The keeper hid the brass key in the clock.", *lines[20:]]))
    return path


def test_a_file_keeps_its_rate_and_every_part_stands_where_it_says(run, small_folder, log, tmp_path):
    words = [
        "compress",
        log,
        "--rate",
        0.25,
        "--question",
        "Where is the brass key?",
        "--model",
        small_folder,
    ]
    code, out, err = run(*words)
    assert code == 0
    assert "The keeper hid the brass key in the clock." in out
    assert err.startswith("note: kept ")
    code, told, _ = run(*words, "--json")
    found = json.loads(told)
    assert (code, found["text"].strip()) == (0, out.strip())
    assert 0.2 < found["rate"] <= 0.25
    assert found["tokens"] == round(found["rate"] * found["total_tokens"])
    text = log.read_text()
    (document,) = found["documents"]
    assert document["document"] == str(log)
    assert all(text[each["start"] : each["end"]] == each["text"] for each in document["spans"])
    target = tmp_path / "short.txt"
    code, printed, _ = run(*words, "--out", target)
    assert (code, printed, target.read_text().strip()) == (0, "", out.strip())


def test_a_method_may_look_into_the_model(run, small_folder, log):
    words = ["compress", log, "--rate", "0.5", "--model", small_folder]
    for method in ("random-access(window=16)", "selective-context(unit=sentence)"):
        code, out, err = run(*words, "--method", method)
        assert code == 0
        assert 0.3 * len(log.read_text()) < len(out) < 0.7 * len(log.read_text())
        assert "kept" in err


def test_a_question_is_asked_about_what_stays(run, small_folder, log):
    words = ["ask", log, "Where is the brass key?", "--model", small_folder, "--max-new-tokens", 4, "--json"]
    code, out, _ = run(*words, "--compress", "extractive", "--rate", 0.2)
    shorter = json.loads(out)
    assert code == 0
    assert shorter["usage"]["truncated_tokens"] > shorter["usage"]["prompt_tokens"]
    code, out, err = run(*words[:-1], "--compress", "extractive", "--flow", "best-passages")
    assert code == 0
    assert "kept" in err
    text = log.read_text()
    for each in shorter["citations"]:
        assert each["start"] is None or text[each["start"] : each["end"]] == each["quote"]


def test_what_cannot_be_is_one_line(run, small_folder, log, tmp_path):
    empty = tmp_path / "empty.txt"
    empty.write_text("")
    base = ["compress", log, "--model", small_folder]
    for words, line in (
        ([*base, "--rate", "0"], "--rate=0.0 is outside 0 < rate ≤ 1; use the share of tokens to keep"),
        ([*base, "--rate", "1.01"], "--rate=1.01 is outside"),
        ([*base, "--rate", "nan"], "--rate=nan is outside"),
        ([*base, "--rate", "0.0001"], "use a rate of 0."),
        ([*base, "--method", "extractve"], "did you mean extractive"),
        ([*base, "--method", "longllmlingua"], "longllmlingua needs a question; give one"),
        ([*base, "--method", "llmlingua-2(classifier=nowhere)"], "is no folder and no hub id"),
        ([*base, "--plan", "positions=nothing"], "nothing"),
        (
            [*base, "--plan", "positions=ntk"],
            "--plan is for methods that look into a model, and extractive does not",
        ),
        ([*base, "--out", tmp_path], "is a folder; give the name of a file"),
        ([*base, "--out", tmp_path / "no" / "such.txt"], "such.txt"),
        (["compress", empty, "--model", small_folder], "empty.txt"),
        (["compress", tmp_path / "none.txt", "--model", small_folder], "none.txt"),
        (["ask", log, "Who?", "--rate", "0.5"], "--rate says how much --compress keeps; add --compress"),
        (["ask", log, "Who?", "--compress", "extractive", "--rate", "2"], "--rate=2.0 is outside"),
        (["ask", log, "Who?", "--compress", "map-reduce"], "map-reduce"),
    ):
        code, out, err = run(*words)
        assert (code, out) == (2, ""), words
        assert line in err, (words, err)
        assert err.count("\n") == 1, err
