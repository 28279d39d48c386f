"""`longspan tune`: a plan in a file that every command takes, and one line for what cannot be used."""

import json
import re

import pytest
import typer
from typer.testing import CliRunner

from longspan import load
from longspan.cli.tune import tune
from longspan.errors import DocumentError, LongspanError, PlanError
from longspan.evaluation.local import Local
from longspan.evaluation.own import own_task
from longspan.evaluation.tune.batches import LARGEST
from longspan.evaluation.tune.race import NoPlan
from longspan.evaluation.work import Work
from longspan.plan import Plan

app = typer.Typer()
app.command()(tune)


@pytest.fixture(scope="module")
def documents(tmp_path_factory):
    """A folder with a log and a picture."""
    folder = tmp_path_factory.mktemp("documents")
    lines = [
        f"On day {day} the keeper trimmed lamp {day * 7} and wrote down the wind." for day in range(1, 60)
    ]
    (folder / "log.txt").write_text(" ".join(lines))
    (folder / "lamp.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    return folder


@pytest.fixture(scope="module")
def questions(small_folder, documents, tmp_path_factory):
    """Questions that this model answers rightly with its full cache: what it says is what is asked for."""
    path = tmp_path_factory.mktemp("questions") / "mine.jsonl"
    text = (documents / "log.txt").read_text()[:1500]
    rows = [
        {"id": str(number), "question": f"Which lamp on day {number}?", "context": text, "answer": "?"}
        for number in range(LARGEST)
    ]
    header = json.dumps({"task": {"max_new_tokens": 6, "metric": "any"}})
    write = lambda: path.write_text("\n".join([header, *map(json.dumps, rows)]) + "\n")  # noqa: E731
    write()
    local, task = Local(load(small_folder)), own_task(path)
    samples = tuple(task.samples(None))
    answers = {
        record.sample: record.output
        for record in local.answers([Work(task=task, length=None, samples=samples, plans=(Plan(),))])
    }
    for row in rows:
        row["answer"] = answers[row["id"]]
    write()
    return path


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs the command in an empty folder: what it printed."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        result = CliRunner().invoke(app, [*map(str, arguments)])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result

    return call


def test_the_winner_is_written_and_loads(run, small_folder, documents, questions, tmp_path):
    half = "policy=streamingllm(budget=0.5)"
    result = run(
        *("--documents", documents, "--model", small_folder, "--questions", questions, "--plans", half),
        *("--plans", "codec=int8", "--time-limit", "60s", "--out", "best.toml", "--json"),
    )
    report = json.loads(result.stdout)
    assert [each["plan"] for each in report["plans"]] == ["", half.replace("(budget=0.5)", ""), "codec=int8"]
    assert report["plans"][0]["score"] == 1
    assert report["plans"][0]["questions"] == LARGEST
    assert report["file"] == "best.toml"
    written = tmp_path / "best.toml"
    assert str(Plan.load(written)) == report["winner"]["plan"]
    assert "longspan tune" in written.read_text().splitlines()[0]
    assert "left out: 1 binary" in result.stderr


def test_people_see_the_front_with_the_full_cache(run, small_folder, documents, questions, tmp_path):
    result = run(
        *("--documents", documents / "log.txt", "--model", small_folder, "--questions", questions),
        *("--plans", "codec=int8", "--time-limit", "1m"),
    )
    assert "(full cache)" in result.stdout
    assert re.search(r"codec=int8 +\d\.\d\d", result.stdout)
    assert "chosen: " in result.stdout
    assert "written to plan.toml" in result.stdout
    assert (tmp_path / "plan.toml").exists()


def test_a_model_that_answers_nothing_is_an_error_and_nothing_is_written(
    run, small_folder, documents, tmp_path
):
    with pytest.raises(NoPlan, match="nothing to compare plans with; lower length="):
        run("--documents", documents, "--model", small_folder, "--plans", "codec=int8", "--time-limit", "30s")
    assert not (tmp_path / "plan.toml").exists()


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        (
            ["--memory", "2 sheep"],
            ValueError,
            r"--memory=2 sheep is not a number above 0 with a unit \(b, kb",
        ),
        (["--memory", "0GiB"], ValueError, "write --memory 2GiB"),
        (["--time-limit", "10"], ValueError, "--time-limit=10 is not a number .* write --time-limit 10m"),
        (["--time-per-question", "-5s"], ValueError, "write --time-per-question 5s"),
        (["--length", "0"], ValueError, "--length=0 is outside 1"),
        (["--out", "plan.txt"], PlanError, "does not end with .toml"),
        (["--plans", "policy=snapkw"], LongspanError, "did you mean snapkv"),
        (["--questions", "mine.csv"], ValueError, "is not a .jsonl file"),
        (["--questions", "absent.jsonl"], LongspanError, "absent.jsonl"),
        (["--question", "often"], ValueError, "--question='often' is not one of seen, unseen"),
    ],
)
def test_what_cannot_be_used_is_refused_before_a_model_is_loaded(run, documents, options, error, says):
    with pytest.raises(error, match=says):
        run("--documents", documents, "--model", "/no/such/model", *options)


def test_a_folder_that_is_not_there_is_refused(run):
    with pytest.raises(DocumentError, match="there is no file"):
        run("--documents", "absent")


@pytest.mark.parametrize(
    ("text", "amount"), [("2GiB", 2**31), ("200 MiB", 200 * 2**20), ("1.5kb", 1500), ("7B", 7)]
)
def test_amounts_of_memory_are_read(text, amount):
    from longspan.cli.tune import _BYTES, read_amount

    assert read_amount("--memory", text, _BYTES, "2GiB") == amount
