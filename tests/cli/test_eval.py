"""`longspan eval`: a run from the command line, and one clear line for what cannot be run."""

import json

import pytest
from test_bad_input import refusal, run  # noqa: F401
from typer.testing import CliRunner

from longspan.cli import app
from longspan.evaluation.catalogue import FAMILIES
from longspan.evaluation.origin import ORIGINS


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "mine.jsonl"
    path.write_text(
        '{"context": "The key lies under the third stone.", "question": "Where is the key?", "answer": "stone"}\n'
        '{"context": "The boat is called Plover.", "question": "What is the boat called?", "answer": "Plover"}\n'
    )
    return path


def test_a_run_and_the_same_again(default_loaded, tmp_path, own):
    own.write_text('{"task": {"max_new_tokens": 12}}\n' + own.read_text())
    command = [
        "eval",
        str(own),
        "--out",
        str(tmp_path / "out"),
        "--plan",
        "",
        "--plan",
        "codec=int8",
        "--json",
    ]
    first = CliRunner().invoke(app, command)
    assert first.exit_code == 0, first.output
    (standing,) = json.loads(first.stdout)
    assert [point["plan"] for point in standing["points"]] == ["", "codec=int8"]
    assert standing["points"][0]["score"] == 1
    kept = (tmp_path / "out" / "records.jsonl").read_text()
    assert kept.count("\n") == 4
    assert json.loads(CliRunner().invoke(app, command).stdout) == [standing]
    assert (tmp_path / "out" / "records.jsonl").read_text() == kept


def test_every_family_is_listed():
    listed = json.loads(CliRunner().invoke(app, ["eval", "--list", "--json"]).stdout)
    assert {task["name"].partition("/")[0] for task in listed} == set(FAMILIES)
    names = [task["name"] for task in listed]
    assert len(set(names)) == len(names)
    for task in listed:
        for fact, value in task.items():
            assert fact == "unlike" or value not in ("", None), (task["name"], fact)
        assert task["origin"] in ORIGINS
        assert task["link"].startswith("https://")
        assert task["diffusion"] in ("low", "medium", "high")
        assert task["scope"] in ("low", "medium", "high")
    table = CliRunner().invoke(app, ["eval", "--list", "ruler"]).stdout
    assert "ruler/vt" in table
    for origin, words in ORIGINS.items():
        assert f"{origin}: {words}" in table


def test_a_run_says_whose_items_it_asks(small_folder, tmp_path, own):
    shown = CliRunner().invoke(
        app,
        [
            "eval",
            "--model",
            str(small_folder),
            str(own),
            "ruler/qa-1",
            "ruler/niah-single-1",
            "--length",
            "600",
            "--samples",
            "1",
            "--out",
            str(tmp_path),
        ],
    )
    assert shown.exit_code == 0, shown.output
    for line in (
        f"ruler: generated, {ORIGINS['generated']}",
        f"ruler/qa-1: stand-in, {ORIGINS['stand-in']}",
        f"own: own, {ORIGINS['own']}",
    ):
        assert line in shown.stderr
    told = {task["name"]: task["origin"] for task in json.loads((tmp_path / "run.json").read_text())["tasks"]}
    assert told == {"ruler/qa-1": "stand-in", "ruler/niah-single-1": "generated", "own/mine": "own"}
    for line in (tmp_path / "records.jsonl").read_text().splitlines():
        record = json.loads(line)
        assert record["origin"] == told[record["task"]]


def test_nothing_to_run(refusal, tmp_path):  # noqa: F811
    assert "longspan eval TASK... --out FOLDER" in refusal("eval", "ruler")
    assert "longspan eval TASK... --out FOLDER" in refusal("eval", "--out", tmp_path)


def test_an_unknown_task(refusal, tmp_path):  # noqa: F811
    assert "did you mean ruler?" in refusal("eval", "rular", "--out", tmp_path)
    assert "did you mean ruler/vt" in refusal("eval", "ruler/vtt", "--out", tmp_path)


def test_a_malformed_line(refusal, tmp_path, own):  # noqa: F811
    with own.open("a") as file:
        file.write('{"question": "Where?", "answer":\n')
    assert "mine.jsonl line 3" in refusal("eval", own, "--out", tmp_path / "out")


def test_absent_data(run, small_folder, tmp_path):  # noqa: F811
    (tmp_path / "data").mkdir()
    code, _, printed = run(
        "eval", "qmsum", "--data", tmp_path / "data", "--out", tmp_path / "out", "--model", small_folder
    )
    assert code == 2
    message = printed.splitlines()[-1]
    assert "needs its data" in message
    assert "--data" in message


def test_a_length_over_the_window(refusal, small_folder, tmp_path):  # noqa: F811
    message = refusal(
        "eval", "needle", "--length", "1100", "--out", tmp_path / "out", "--model", small_folder
    )
    assert "length 1,100 > window 1,024" in message
    assert "positions=yarn(factor=2)" in message


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--length", "4k"], "--length=4k is not a list of whole numbers"),
        (["--length", "0"], "--length=0 is outside"),
        (["--samples", "-1"], "--samples=-1 is outside"),
        (["--plan", "policy=snapkw"], "did you mean snapkv?"),
        (["--question", "heard"], "--question='heard' is not one of seen, unseen"),
        (["--too-long", "cut"], "--too-long='cut' is not one of skip, middle, start, end"),
        (["--data", "nowhere"], "--data=nowhere is not a folder"),
        (["--haystack", "nowhere.txt"], "nowhere.txt"),
        (["--top-p", "0.5"], "--top-p=0.5 draws nothing"),
        (["--repeats", "2"], "--repeats=2 would be the same answer"),
        (["--few-shot", "-1"], "--few-shot=-1 is outside"),
        (["--few-shot-as", "prose"], "--few-shot-as='prose' is not one of turns, text"),
        (["--retrieval", "0"], "--retrieval=0 is outside"),
        (["--judge-model", "m"], "give its address with --judge URL"),
        (["--endpoint", "http://127.0.0.1:9/v1", "--dtype", "float32"], "the server's own choice"),
    ],
)
def test_bad_options(refusal, tmp_path, options, reason):  # noqa: F811
    assert reason in refusal("eval", "needle", "--out", tmp_path / "out", *options)
    assert not (tmp_path / "out").exists()


def test_an_endpoint_that_is_down(refusal, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    message = refusal("eval", "needle", "--endpoint", "http://127.0.0.1:9/v1", "--out", tmp_path / "out")
    assert "http://127.0.0.1:9/v1 failed 5 times" in message
    assert "an address" in refusal("eval", "needle", "--endpoint", "localhost", "--out", tmp_path / "out")


def test_a_folder_that_cannot_be_written_is_refused_before_a_model_is_loaded(refusal, tmp_path):  # noqa: F811
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        message = refusal("eval", "needle", "--out", path, "--model", "/no/such/model")
        assert f"--out={path} cannot be written" in message
    assert "/no/such/model" in refusal(
        "eval", "needle", "--out", tmp_path / "new", "--model", "/no/such/model"
    )
    assert not (tmp_path / "new").exists()


def test_a_task_without_data_is_named_and_the_exit_code_says_so(run, small_folder, tmp_path, own):  # noqa: F811
    (tmp_path / "data").mkdir()
    command = ("eval", "qmsum", own, "--data", tmp_path / "data", "--out", tmp_path / "out")
    code, out, err = run(*command, "--model", small_folder)
    assert code == 1
    assert "no plan (full cache)" in out
    assert "not asked: qmsum/test: qmsum/test needs its data" in err
    assert err.splitlines()[-1] == "1 of 2 tasks could not be asked"
    assert any("answers, own/mine, " in line for line in err.splitlines())  # lines, where there is no screen


def test_prompts_can_be_looked_at_and_answers_scored_anew(run, small_folder, tmp_path, own):  # noqa: F811
    asking = ("eval", own, "--model", small_folder)
    code, out, _ = run(*asking, "--show-prompts", "1", "--system", "Be brief.", "--few-shot", "1")
    assert code == 0
    assert "Be brief." in out
    assert out.count("=== own/mine") == 1
    assert run(*asking, "--out", tmp_path / "out")[0] == 0
    code, _, err = run(*asking, "--rescore", tmp_path / "out")
    assert (code, err) == (0, "2 answers scored anew, 0 with another score\n")
    own.write_text(own.read_text().replace('"stone"', '"rock"'))
    code, _, err = run(*asking, "--plan", "codec=int8", "--out", tmp_path / "out")
    assert code == 2
    assert "is not the one that this run has asked" in err


def test_lines_come_now_and_then(capsys):
    from longspan.cli.counting import counting

    now = [0.0]
    with counting("answers", clock=lambda: now[0]) as tell:
        for done in range(1, 101):
            now[0] = done * 2.0
            tell(done, 100, "ruler/vt")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "1 of 100 answers, ruler/vt, 2 s"
    assert lines[-1] == "100 of 100 answers, ruler/vt, 200 s"
    assert len(lines) == 8
    with counting("answers", clock=lambda: now[0]) as tell:
        tell(1, 0, "own/mine")
        tell(2, 0, "own/mine")
    assert capsys.readouterr().err.splitlines() == ["1 answers, own/mine, 0 s", "2 answers, own/mine, 0 s"]
