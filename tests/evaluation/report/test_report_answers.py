"""What is read of a run's folder."""

import pytest
from synthetic_run import record, written

from longspan.evaluation.record import RunFolder
from longspan.evaluation.report.answers import Answers, letter
from longspan.evaluation.report.table import mean_rows, task_rows
from longspan.evaluation.task import TaskError


def test_plans_tasks_and_lengths_stand_in_the_order_of_the_run(answers_of):
    found = answers_of(
        record(plan="late", task="x/own"),
        record(plan="b", length=None, task="y/data"),
        record(plan="", length=8192, task="f/second"),
        record(plan="", length=4096, task="f/first"),
        tasks=[{"name": "f/first"}, {"name": "f/second"}],
    )
    assert found.plans == ("", "b", "late")
    assert found.tasks == ("f/first", "f/second", "x/own", "y/data")
    assert found.lengths == (4096, 8192, None)
    assert found.tasks_at(4096) == ("f/first", "x/own")
    assert found.lengths_of("f/second") == (8192,)


def test_what_was_too_long_is_given_but_not_scored(answers_of):
    found = answers_of(record("1"), record("2", None))
    assert set(found.given("", "f/t", 4096)) == {"1", "2"}
    assert set(found.scored("", "f/t", 4096)) == {"1"}


@pytest.mark.parametrize(
    ("records", "changes", "missing"),
    [
        ([record("1"), record("1", plan="b")], {}, 0),
        ([record("1"), record("2"), record("1", plan="b")], {}, 1),
        ([record("1"), record("1", None, plan="b")], {}, 0),
        ([record("1"), record("1", plan="b")], {"samples": 3}, 4),
        ([record("1"), record("1", plan="b")], {"samples": 1, "lengths": [4096, 8192]}, 2),
        ([record("1", length=None), record("1", length=None, plan="b")], {"samples": 3}, 0),
        (
            [record("1"), record("1", plan="b")],
            {"samples": 2, "tasks": [{"name": "f/t"}, {"name": "f/u"}]},
            6,
        ),
    ],
)
def test_answers_to_come_are_counted(answers_of, records, changes, missing):
    assert answers_of(*records, **changes).missing == missing


def test_a_finished_run_lacks_nothing(answers):
    assert answers.missing == 0


def test_no_run_and_no_answers_are_said(tmp_path):
    with pytest.raises(TaskError, match="holds no run"):
        Answers.of(RunFolder(tmp_path / "absent"))
    with pytest.raises(TaskError, match="holds no answers yet; have longspan eval"):
        Answers.of(written(tmp_path, []))


@pytest.mark.parametrize(
    "scores", [{}, {"score": float("nan")}, {"score": "high"}, {"score": None}, {"score": 1.1}]
)
def test_a_record_without_a_score_is_named(answers_of, scores):
    with pytest.raises(TaskError, match="sample 17 of f/t has no score from 0 to 1; remove its line"):
        answers_of(record("17", scores=scores))


def test_a_score_may_be_rounded_upwards(answers_of):
    assert answers_of(record(score=1.0000000002), plans=[""]).missing == 0


def test_plans_have_letters():
    assert [letter(number) for number in (0, 25, 26, 27, 51, 52, 702)] == [
        "A",
        "Z",
        "AA",
        "AB",
        "AZ",
        "BA",
        "AAA",
    ]


def counts(sample, right, wrong, missed):
    score = 2 * right / (2 * right + wrong + missed)
    return record(sample, scores={"score": score, "tp": right, "fp": wrong, "fn": missed})


def test_a_task_may_be_scored_over_all_its_samples(answers_of):
    described = [{"name": "f/t", "aggregate": "micro-f1"}]
    found = answers_of(counts("1", 1, 0, 0), counts("2", 0, 1, 2), record(task="f/u"), tasks=described)
    score, other = (row.score.mean for row in task_rows(found))
    assert score == pytest.approx(0.4)
    assert other == 1.0
    (all_tasks,) = mean_rows(found)
    assert all_tasks.score.mean == pytest.approx(0.7)


def test_an_aggregate_that_is_not_known_is_refused(answers_of):
    with pytest.raises(TaskError, match=r"f/t joins its scores by 'median', known: mean, .* version"):
        answers_of(record(), tasks=[{"name": "f/t", "aggregate": "median"}])


def test_a_record_without_the_counts_is_refused(answers_of):
    with pytest.raises(TaskError, match="sample 0 of f/t has no tp, fp, fn; remove its line"):
        answers_of(record(), tasks=[{"name": "f/t", "aggregate": "micro-f1"}])
