"""Up to which length scores hold, in all files of a report."""

import csv
import json

import pytest
from bs4 import BeautifulSoup
from synthetic_run import record, written

from longspan.evaluation.metrics.effective import Window
from longspan.evaluation.report import write_report
from longspan.evaluation.report.effective import reaches, windows
from longspan.evaluation.report.table import task_rows

SCORES = {512: 0.9, 1024: 1.0, 4096: 0.8, 8192: 0.86, 16384: None}


def scored(scores, **values):
    return [record(score=score, length=length, **values) for length, score in scores.items()]


def test_by_hand(answers_of):
    """The first plan holds 0.85 of 1.0 at 8,192 but not at 4,096; the second holds 0.85 of 0.4 all the way."""
    found = reaches(
        task_rows(
            answers_of(*scored(SCORES), *scored({512: 0.4, 1024: 0.34, 4096: 0.35, 8192: 0.4}, plan="b"))
        )
    )
    first, second = found
    assert (first.plan, first.task, first.base, first.needed) == ("", "f/t", 1.0, 0.85)
    assert (first.effective_length, first.longest) == (8192, 8192)  # at 16,384 all were too long
    assert first.window == Window(length=1024, fails_at=4096)
    assert (second.plan, second.base) == ("b", 0.4)
    assert (second.effective_length, second.window) == (8192, Window(length=8192, fails_at=None))
    assert windows(found) == {"": 1024}, "that the second fails anywhere is not known"


@pytest.mark.parametrize(
    "scores",
    [{4096: 1.0, 8192: 0.5}, {512: 1.0, 1024: 0.5}, {512: 1.0, 4096: None}, {None: 1.0}, {512: 1.0}],
    ids=["no short length", "only short ones", "too long", "natural length", "one length"],
)
def test_without_short_and_long_lengths_there_is_nothing_to_say(answers_of, scores):
    assert reaches(task_rows(answers_of(*scored(scores)))) == ()


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    poor = {512: 0.0, 4096: 0.0}
    records = [*scored(SCORES), *scored(poor, plan="b"), *scored({4096: 1.0, 8192: 1.0}, task="f/long")]
    return write_report(
        written(tmp_path_factory.mktemp("report") / "run", records, plans=["", "b"], tasks=[], samples=0)
    )


def test_json_has_the_figures_and_what_they_rest_on(report):
    found = json.loads(report.json.read_text("utf-8"))["effective"]
    assert found == report.to_dict()["effective"]
    assert (found["base_up_to"], found["share"]) == (1024, 0.85)
    assert found["rows"] == [
        {
            "plan": plan,
            "task": "f/t",
            "base_score": base,
            "least_score": 0.85 * base,
            "effective_length": length,
            "effective_window": window,
            "fails_at": fails,
        }
        for plan, base, length, window, fails in (("", 1.0, 8192, 1024, 4096), ("b", 0.0, 0, 0, 512))
    ]


def test_csv_has_them_on_each_line_of_a_plan_and_task(report):
    with report.csv.open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    found = {
        (line["plan"], line["task"]): (line["effective_length"], line["effective_window"], line["fails_at"])
        for line in lines
    }
    assert found == {
        ("", "f/t"): ("8192", "1024", "4096"),
        ("b", "f/t"): ("0", "0", "512"),
        ("", "f/long"): ("", "", ""),
    }
    assert len({tuple(line) for line in lines}) == 1


def test_the_page_has_them_by_the_picture_of_lengths(report):
    soup = BeautifulSoup(report.html.read_text("utf-8"), "html.parser")
    (row,) = soup.find(id="lengths").tbody.find_all("tr")
    assert row.th.string == "f/t"
    assert [cell.get_text(" ", strip=True).replace(" \n", " ") for cell in row.find_all("td")] == [
        "8,192 or more base 100.0, needs 85.0 first fails at 4,096, after 1,024",
        "none base 0.0, needs 0.0 first fails at 512",
    ]
    assert [cell["data-value"] for cell in row.find_all("td")] == ["8192", "0"]


def test_a_page_without_them_does_not_speak_of_them(files):
    assert files.reaches == ()
    assert "Effective length" not in files.html.read_text("utf-8")
