"""`longspan extend`: a file that a plan names, and one line for what cannot be searched."""

import json

import pytest
from typer.testing import CliRunner

from longspan import load
from longspan.cli import app
from longspan.errors import LongspanError
from longspan.extending.evolving import Evolution
from longspan.positions.rescaling import Rescaling
from tiny import WINDOW, tokens

TARGET = WINDOW + 200
SMALL = ("--target", TARGET, "--population", 4, "--iterations", 1, "--samples", 1)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs the command in an empty folder: what it printed."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        result = CliRunner().invoke(app, ["extend", *map(str, arguments)], env={"COLUMNS": "120"})
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout

    return call


@pytest.mark.parametrize("method", ["longrope", "longrope2"])
def test_the_factors_are_written_and_a_plan_takes_them(run, tiny_folder, method, tmp_path):
    printed = run(tiny_folder, "--method", method, *SMALL, "--out", "my factors.json")
    plan = f'positions={method}(factors="my factors.json")'
    assert f"use it with --plan '{plan}'" in printed
    assert f"6 of {Evolution.of(4, 1).candidates} candidates" in printed
    assert ("critical pair of channels" in printed) == (method == "longrope2")
    found = Rescaling.open("my factors.json")
    assert (found.trained, found.target, found.method) == (WINDOW, TARGET, method)
    assert [line.split()[0] for line in printed.splitlines()][:2] == (
        ["PI", "NTK"] if method == "longrope" else ["start", "found"]
    )
    with load(tiny_folder).session(plan) as session:
        session.logits(tokens(TARGET - 100))
        assert session.window == TARGET
    assert {path.name for path in tmp_path.iterdir() if path.is_file()} == {
        "my factors.json",
        "my factors.json.search",
    }


def test_json_says_all_of_it_and_the_same_command_goes_on(run, tiny_folder):
    options = (tiny_folder, "--method", "longrope", *SMALL, "--json")
    begun = json.loads(run(*options, "--time-limit", "0.000001s"))
    assert (begun["search"]["complete"], begun["search"]["scored"]) == (False, 1)
    done = json.loads(run(*options))
    assert (done["search"]["complete"], done["search"]["kept"], done["search"]["scored"]) == (True, 1, 6)
    assert done["factors"] == list(Rescaling.open("factors.json").factors)
    assert done["file"] == "factors.json"
    assert [start["origin"] for start in done["search"]["starts"]] == ["PI", "NTK", "YaRN"]
    assert done["search"]["perplexity"] > 1


def test_people_are_told_that_the_time_was_over(run, tiny_folder):
    printed = run(tiny_folder, *SMALL, "--time-limit", "0.000001s")
    assert "note: the time was over; the same command goes on from here" in printed


def test_a_text_of_ones_own(run, tiny_folder, tmp_path):
    (tmp_path / "book.txt").write_text("It rained for years. " * 100)
    kept = [
        json.loads(run(tiny_folder, *SMALL, *text, "--json", "--out", out))
        for text, out in ((("--text", "book.txt"), "a.json"), ((), "b.json"))
    ]
    assert kept[0]["search"]["loss"] != kept[1]["search"]["loss"]


def test_by_default_the_target_is_four_windows(run, tiny_folder):
    record = json.loads(
        run(
            tiny_folder,
            "--method",
            "longrope",
            "--population",
            4,
            "--iterations",
            0,
            "--samples",
            1,
            "--json",
            "--time-limit",
            "0.000001s",
        )
    )
    assert record["target"] == 4 * WINDOW


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--method", "yarn"], "--method='yarn' is not one of longrope, longrope2"),
        (["--population", "3"], "--population=3 is outside 4"),
        (["--iterations", "-1"], "--iterations=-1 is outside 0"),
        (["--samples", "0"], "--samples=0 is outside 1"),
        (["--target", "0"], "--target=0 is outside 1"),
        (["--time-limit", "8"], "--time-limit=8 is not a number .* write --time-limit 8h"),
        (["--text", "absent.txt"], "absent.txt"),
        (["--out", "absent/f.json"], "name a file in a folder that exists"),
    ],
)
def test_what_cannot_be_used_is_refused_before_a_model_is_loaded(run, options, says):
    with pytest.raises((LongspanError, ValueError), match=says):
        run("/no/such/model", *options)


def test_a_target_within_the_window_is_refused(run, tiny_folder):
    with pytest.raises(ValueError, match=f"target={WINDOW} is outside {WINDOW + 1}"):
        run(tiny_folder, "--target", WINDOW)
