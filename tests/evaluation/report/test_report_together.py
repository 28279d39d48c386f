"""Several runs in one report: paired where their samples are the same, apart where they are not."""

import json
from dataclasses import replace

import pytest
from synthetic_run import description, record

from longspan.evaluation import RunFolder, Sample, TaskError
from longspan.evaluation.kept import Kept
from longspan.evaluation.report import write_report
from longspan.evaluation.report.front import standings
from longspan.evaluation.report.together import together


@pytest.fixture
def made(tmp_path):
    """A folder with a run of ten samples on which a model has these scores; other: of another set of samples."""

    def make(name, scores, *, other=False, turns=(), **changes):
        folder = RunFolder(tmp_path / name)
        with folder:
            facts = {"plans": [""], "tasks": [], "lengths": [4096], "samples": 10, "model": {"name": name}}
            folder.describe(description(**{**facts, **changes}))
            for number, score in enumerate(scores):
                sample = Sample(id=str(number), context=f"{number} {other}", question="?", references=("a",))
                folder.samples.add("f/t", 4096, Kept(sample=sample, turns=turns))
                folder.append(record(str(number), score))
        return folder

    return make


def test_samples_that_agree_are_paired(made, tmp_path):
    one, two = made("small", [0.0] * 8 + [1.0] * 2), made("large", [1.0] * 10)
    report = write_report(one, two, out=tmp_path / "both")
    (standing,) = report.standings
    assert [point.plan for point in standing.points] == [
        "small: no plan (full cache)",
        "large: no plan (full cache)",
    ]
    assert standing.points[1].difference.mean == pytest.approx(0.8)
    assert standing.points[1].difference.sign == 1
    assert {path.parent for path in (report.html, report.csv, report.json)} == {tmp_path / "both"}
    assert set(json.loads(report.json.read_text())["runs"]) == {"small", "large"}
    assert not (one.path / "report.html").exists()


def test_samples_that_do_not_agree_are_not(made):
    found = together([made("small", [0.0] * 10), made("large", [1.0] * 10, other=True)])
    (standing,) = standings(found)
    assert not standing.paired
    assert [point.score.mean for point in standing.points] == [0.0, 1.0]
    assert all(point.difference is None for point in standing.points)


def test_examples_before_a_sample_do_not_make_it_another(made):
    one, two = made("none", [0.0] * 10), made("some", [1.0] * 10, turns=(("Q?", "A"),))
    (standing,) = standings(together([one, two]))
    assert standing.paired
    assert standing.points[1].difference.mean == 1


def test_runs_that_are_finished_lack_nothing_together(made):
    found = together([made("small", [0.0] * 10), made("large", [1.0] * 10, other=True)])
    assert found.missing == 0
    assert together([made("a", [0.0] * 10), made("b", [1.0] * 7)]).missing == 3


def test_of_samples_that_agree_in_part_only_these_are_compared(made):
    one, two = made("small", [1.0] * 10), made("large", [1.0] * 12)
    (standing,) = standings(together([one, two]))
    assert (standing.paired, standing.samples) == (True, 10)


def test_runs_of_one_model_are_told_apart_by_their_folders(made):
    runs = [made(name, [1.0] * 3, model={"name": "m"}) for name in ("monday", "tuesday")]
    assert [name for name, _ in together(runs).runs] == ["monday", "tuesday"]
    assert together([runs[0], runs[0]]).plans[0].startswith("run 1: ")


def test_what_keeps_runs_from_being_compared_is_said(made):
    task = {"name": "f/t", "aggregate": "mean", "origin": "stand-in"}
    one = made("one", [1.0] * 3, tasks=[{**task, "code": "1"}], asking={"system": None})
    two = made("two", [1.0] * 3, tasks=[{**task, "code": "2"}], asking={"system": "Be brief."})
    notes = " ".join(together([one, two]).notes)
    assert "Not made and scored by the same code in all runs that have them: f/t." in notes
    without = made("without", [1.0] * 3, tasks=[{**task, "name": "f/u", "code": "1"}])
    assert "that have them: f/t." in " ".join(together([without, one, two]).notes), (
        "what only two of them have"
    )
    assert "The runs were not asked in the same way" in notes
    assert "one: Made here in place of the benchmark's items, so not its figures: f/t." in notes
    (standing,) = standings(together([one, two]))
    assert standing.stand_ins == ("f/t",)
    other = made("three", [1.0] * 3, tasks=[{**task, "aggregate": "micro-f1"}])
    with other:
        other.rewrite(
            [replace(each, scores={"score": 1, "tp": 1, "fp": 0, "fn": 0}) for each in other.records()]
        )
    with pytest.raises(TaskError, match="joins the scores of f/t in another way"):
        together([one, other])


def test_several_runs_need_a_folder_for_their_report(made, tmp_path):
    one, two = made("one", [1.0] * 3), made("two", [1.0] * 3)
    with pytest.raises(ValueError, match="name one with out="):
        write_report(one, two)


def test_a_plan_that_gets_nothing_right_is_never_the_best(answers_of):
    from longspan.evaluation.report.summary import findings

    found = standings(
        answers_of(
            *(record(str(n), 0.0, kv_bytes=4096) for n in range(4)),
            *(record(str(n), 0.0, kv_bytes=1024, plan="b") for n in range(4)),
        )
    )
    (finding,) = findings(found)
    assert finding.best == ()
    assert "No plan gets anything right, so there is nothing to choose between." in finding.sentences
