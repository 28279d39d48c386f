"""`longspan probe`: tables to read, JSON to go on with, one line for a mistake."""

import json

import pytest
from typer.testing import CliRunner

from longspan.cli.probe import app
from longspan.evaluation.record import Record, RunFolder


@pytest.fixture
def hay(tmp_path):
    path = tmp_path / "hay.txt"
    path.write_text("It rained all day. The ferry was late. A dog slept. Nobody came to the pier.")
    return path


@pytest.fixture
def run(tmp_path):
    """A run's folder: two plans, one of which is weak in the middle."""
    with RunFolder(tmp_path / "run") as folder:
        folder.describe({})
        for plan, scores in (("", (1, 1, 1)), ("policy=snapkv", (1, 0, 1))):
            for number, score in enumerate(scores):
                folder.append(
                    Record(
                        task="needle/sentence",
                        length=100,
                        sample=f"{number}",
                        plan=plan,
                        scores={"score": score},
                        facts={"depth": number / 2},
                    )
                )
    return tmp_path / "run"


def probe(*arguments):
    """Standard output of a probe that succeeds."""
    result = CliRunner().invoke(app, list(map(str, arguments)), env={"COLUMNS": "120"})
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result.stdout


def refusal(*arguments):
    """The error of a probe that does not."""
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert isinstance(result.exception, ValueError)
    assert result.stdout == ""
    return str(result.exception)


def test_heads(tiny_folder, tmp_path):
    days = tmp_path / "days.txt"
    days.write_text(" ".join(f"Day {day} went by without wind." for day in range(1, 99)))
    options = ("heads", "--model", tiny_folder, "--haystack", days, "--length", "480", "--depths", 2)
    shown = probe(*options, "--top", 5).splitlines()
    assert len([line for line in shown[:-1] if line.split()[:1] in (["0"], ["1"], ["2"])]) == 5
    assert shown[-1].endswith("of 12 heads score 0.1 or more, in 2 prompts")
    record = json.loads(probe(*options, "--json"))
    assert len(record["heads"]) == 12
    assert record["depths"] == [0.25, 0.75]


def test_recall(tiny_folder, hay):
    options = (
        "recall",
        "--plan",
        "policy=streamingllm(budget=60)",
        "--model",
        tiny_folder,
        "--haystack",
        hay,
    )
    record = json.loads(probe(*options, "--length", 480, "--json"))
    assert 0 < record["mean_mass"] < 1
    assert record["mean_needle"] == 0  # in the middle, where this policy keeps nothing
    assert 380 < record["tokens"] <= 480
    last = probe(*options, "--length", 480).splitlines()[-1]
    assert last.startswith("policy=streamingllm(")
    assert f"{record['mean_mass']:.3f} of the attention and 0.00 of the needle stay visible" in last


def test_position_of_a_model(tiny_folder):
    options = ("position", "--model", tiny_folder, "--length", 60, "--prompts", 1, "--bins", 5)
    record = json.loads(probe(*options, "--json"))
    assert sum(record["mean"]) == pytest.approx(1)
    shown = probe(*options)
    rows = [line.split() for line in shown.splitlines() if line.strip()]
    assert [(row[0], row[1]) for row in rows if row[0] in ("0", "12", "24", "36", "48")] == [
        (str(12 * number), f"{share:.3f}") for number, share in enumerate(record["mean"])
    ]
    assert max(len(row[2]) for row in rows if len(row) == 3 and row[0].isdigit()) == 50


def test_position_of_a_run(run):
    whole, bent = json.loads(probe("position", run, "--json"))
    assert (whole["plan"], whole["u_shape"]) == ("", pytest.approx(0))
    assert (bent["plan"], bent["u_shape"]) == ("policy=snapkv", pytest.approx(1))
    shown = probe("position", run)
    assert "no plan" in shown
    assert "middle 0.00, end 1.00; U-shape 1.00, tilt 0.00" in shown


def test_grounding(tiny_folder, hay):
    options = ("grounding", hay, "What was late?", "--answer", "The ferry was late.", "--model", tiny_folder)
    record = json.loads(probe(*options, "--json"))
    assert record["answer"] == "The ferry was late."
    assert record["sgi"] == pytest.approx(record["to_question"] / record["to_context"])
    assert record["embedding_model"] is None
    shown = probe(*options)
    assert "not judged: the states of a language model" in shown
    assert "nearer" not in shown


def test_grounding_by_an_embedding_model(hay, monkeypatch):
    """One that counts words: the answer shares one with the question and three with the file."""
    import httpx

    def reply(method, url, *, json, headers, timeout):
        words = json["input"].lower().split()
        values = [float(words.count(word)) for word in ("what", "was", "late?", "ferry", "late.", "the")]
        return httpx.Response(200, json={"data": [{"embedding": values}]})

    monkeypatch.setattr(httpx, "request", reply)
    served = ("--endpoint", "http://127.0.0.1:9/v1", "--embedding-model", "counter")
    options = ("grounding", hay, "What was late?", "--answer", "The ferry was late.", *served)
    record = json.loads(probe(*options, "--json"))
    assert record["embedding_model"] == "counter"
    nearer = "the files" if record["sgi"] > 1 else "the question"
    assert f"grounding index {record['sgi']:.2f}: the answer is nearer to {nearer}" in probe(*options)


def test_grounding_of_the_models_own_answer(tiny_folder, hay):
    record = json.loads(probe("grounding", hay, "What was late?", "--model", tiny_folder, "--json"))
    assert record["answer"]


def test_mistakes(tiny_folder, tmp_path):
    assert "not a list of whole numbers" in refusal("heads", "--length", "1k")
    assert "--depths=0" in refusal("heads", "--depths", 0)
    assert "no file is given" in refusal("grounding", "Who?")
    assert "holds no run" in refusal("position", tmp_path)
    assert "needle alone takes" in refusal("recall", "--model", tiny_folder, "--length", 100)
    assert "positions= only" in refusal("position", "--plan", "policy=snapkv", "--model", tiny_folder)
