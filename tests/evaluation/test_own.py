"""A user's own task."""

import json
import sys
from pathlib import Path

import pytest

from longspan.evaluation.catalogue import find
from longspan.evaluation.haystack import Haystack
from longspan.evaluation.metrics.named import METRICS
from longspan.evaluation.own import own_task
from longspan.evaluation.task import Request, TaskError
from wordcount import words

LAMP = {"question": "Who lit the lamp?", "answer": "Ilvane", "context": "Ilvane lit the lamp."}


@pytest.fixture
def request_any() -> Request:
    """A request for samples at their natural length."""
    return Request(
        length=None,
        seed=0,
        count_tokens=words,
        overhead=20,
        haystack=Haystack(repeats=True, name="h", text="One. Two."),
    )


@pytest.fixture
def written(tmp_path: Path):
    """Writes rows as lines to a file."""

    def write(*rows: object, name: str = "light.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
        return path

    return write


def test_the_least_that_is_needed(written, request_any) -> None:
    task = own_task(written({"question": "What is 2 + 2?", "answer": "4"}))
    (sample,) = task.samples(request_any)
    assert (task.name, task.family, task.sized, task.max_new_tokens) == ("own/light", "own", False, 64)
    assert (sample.context, sample.question, sample.prefix) == ("", "What is 2 + 2?", "")
    assert sample.references == ("4",)
    assert task.score("It is 4.", sample) == {"score": 1}
    assert task.score("It is 5.", sample) == {"score": 0}
    assert all((task.description, task.metric, task.form, task.source, task.licence, task.paper))


def test_all_that_can_be_said(written, request_any, tmp_path) -> None:
    header = {"name": "station", "metric": "f1", "max_new_tokens": 8, "description": "The station book."}
    path = written(
        {"task": header},
        {**LAMP, "id": "lamp", "prefix": "It was"},
        {
            "question": "Which boat?",
            "answers": ["Plover", "the Plover"],
            "metric": "exact",
            "context": "x\u2028y",
        },
    )
    task = own_task(path)
    lamp, boat = task.samples(request_any)
    assert (task.name, task.max_new_tokens, task.description) == ("own/station", 8, "The station book.")
    assert "f1:" in task.metric
    assert "exact:" in task.metric
    assert (lamp.id, lamp.prefix, lamp.context) == ("lamp", "It was", "Ilvane lit the lamp.")
    assert lamp.question == "\n\nWho lit the lamp?"
    assert (boat.id, boat.context, boat.references) == ("0002", "x\u2028y", ("Plover", "the Plover"))
    assert task.score("Ilvane did", lamp)["score"] == pytest.approx(2 / 3)
    assert task.score("the plover!", boat)["score"] == 1
    assert task.score("the Plover came", boat)["score"] == 0


@pytest.mark.parametrize(
    ("metric", "answer", "reason"),
    [
        ("contains", "A", "so every answer would have it; give it metric any, or choice for a letter"),
        ("exact", "The!", "so an empty answer would be right"),
        ("f1", "?", "so no answer could be right"),
        ("f1-characters", "。", "so no answer could be right"),
        ("rouge-l", "红楼梦", "knows only words of a to z and digits"),
    ],
)
def test_an_answer_that_a_metric_cannot_see_is_refused(
    written, metric: str, answer: str, reason: str
) -> None:
    with pytest.raises(TaskError, match=f"line 1: .*{reason}"):
        own_task(written({"question": "Which?", "answer": answer, "metric": metric}))
    assert own_task(written({"question": "Which?", "answer": answer, "metric": "any"}))


def test_files_are_read_as_documents_beside_the_task(written, request_any, tmp_path, monkeypatch) -> None:
    (tmp_path / "book.html").write_text("<p>The lamp &amp; the horn.</p>")
    path = written(
        {"question": "What?", "answer": "lamp", "file": "book.html"},
        {"question": "Else?", "answer": "horn", "file": "book.html"},
    )
    monkeypatch.chdir("/")
    first, second = own_task(path).samples(request_any)
    assert first.context.strip() == "The lamp & the horn."
    assert first.context is second.context


def test_a_json_file_holds_a_list(tmp_path, request_any) -> None:
    path = tmp_path / "light.json"
    path.write_text(json.dumps([{"task": {"metric": "all"}}, LAMP], indent=2))
    task = own_task(path)
    (sample,) = task.samples(request_any)
    assert task.metric.startswith("all:")
    assert sample.references == ("Ilvane",)


def test_eval_finds_it_by_the_name_of_the_file(written) -> None:
    path = written(LAMP)
    (task,) = find([str(path)])
    assert task == own_task(path)


@pytest.mark.parametrize(
    ("metric", "answers", "right", "half", "wrong"),
    [
        ("contains", ["the lamp", "horn"], "It was a LAMP.", None, "It was lit"),
        ("exact", ["lamp"], "The lamp.", None, "the lamp was"),
        ("f1", ["lit lamp"], "lamp, lit", None, "horn"),
        ("f1-characters", ["红楼"], "红楼。", "红梦", "三国"),
        ("rouge-l", ["the lit lamp"], "the lit lamp", None, "horn"),
        ("any", ["a lamp", "horn"], "the HORN", None, "the lamp"),
        ("all", ["lamp", "horn"], "horn and Lamp", "a horn", "nothing"),
        ("choice", ["B"], "The answer is (B).", None, "A, not B"),
        ("number", ["1,577"], "The answer is $1577.00.", None, "1578"),
    ],
)
def test_each_metric(written, request_any, metric, answers, right, half, wrong) -> None:
    task = own_task(written({"task": {"metric": metric}}, {"question": "What?", "answers": answers}))
    (sample,) = task.samples(request_any)
    assert task.score(right, sample)["score"] == pytest.approx(1)
    assert task.score(wrong, sample)["score"] == 0
    if half is not None:
        assert task.score(half, sample)["score"] == 0.5


def test_every_metric_is_tried() -> None:
    (mark,) = (mark for mark in test_each_metric.pytestmark if mark.name == "parametrize")
    assert [case[0] for case in mark.args[1]] == list(METRICS)


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        ([LAMP, {"answer": "x"}], "line 2: no question; give one"),
        ([{"question": " ", "answer": "x"}], "line 1: question=' ' is not a text"),
        ([{"question": "x"}], "line 1: it needs either answer"),
        ([{**LAMP, "answers": ["x"]}], "line 1: it needs either answer"),
        ([{**LAMP, "answer": 4}], "line 1: answer=4 is not a text"),
        ([{"question": "x", "answers": []}], "line 1: answer=[] is not a text"),
        ([{**LAMP, "answr": "x"}], "line 1: unknown 'answr'; did you mean answer"),
        ([{**LAMP, "file": "x"}], "line 1: context and file cannot both be given"),
        ([{"question": "x", "answer": "x", "file": "none.txt"}], "line 1: there is no file"),
        ([{**LAMP, "context": 1}], "line 1: context=1 is not a text"),
        ([{**LAMP, "metric": "bleu"}], "line 1: unknown metric 'bleu'; choose one of contains, exact"),
        ([{**LAMP, "metric": ["f1"]}], "line 1: unknown metric ['f1']"),
        ([{**LAMP, "metric": "choice"}], "line 1: answer 'Ilvane' names no option"),
        ([{**LAMP, "metric": "number"}], "line 1: answer 'Ilvane' names no number"),
        ([{**LAMP, "id": 7}, {**LAMP, "id": "7"}], "line 2: id '7' stands in"),
        ([LAMP, {"task": {}}], "line 2: unknown 'task'"),
        ([{"task": "f1"}, LAMP], 'line 1: "task" must be an object'),
        ([{"task": {}, **LAMP}], 'line 1: "task" must be an object and stand alone'),
        ([{"task": {"metrics": "f1"}}, LAMP], "line 1: unknown 'metrics'; did you mean metric"),
        ([{"task": {"metric": "f2"}}, LAMP], "line 1: unknown metric 'f2'"),
        ([{"task": {"max_new_tokens": 0}}, LAMP], "line 1: max_new_tokens=0 must be"),
        ([{"task": {"max_new_tokens": True}}, LAMP], "line 1: max_new_tokens=True must be"),
        ([{"task": {"name": ""}}, LAMP], "line 1: name='' is not a text"),
        ([{"task": {}}], "has no question"),
        ([], "has no question"),
        ([LAMP, []], "line 2: list where an object is needed"),
    ],
)
def test_a_fault_is_named_with_its_file_and_line(written, rows, fault) -> None:
    path = written(*rows)
    with pytest.raises(TaskError) as raised:
        own_task(path)
    assert str(raised.value).startswith(str(path))
    assert fault in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_no_document_is_named_with_the_line(written, request_any, tmp_path) -> None:
    (tmp_path / "noise.txt").write_bytes(b"\x00\xff" * 100)
    path = written(LAMP, {"question": "x", "answer": "x", "file": "noise.txt"})
    samples = own_task(path).samples(request_any)
    next(samples)
    with pytest.raises(TaskError, match=r"light\.jsonl line 2: .*noise\.txt") as raised:
        next(samples)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there(tmp_path) -> None:
    with pytest.raises(TaskError, match="cannot be read"):
        own_task(tmp_path / "none.jsonl")


def test_tasks_of_other_packages_are_found_and_their_faults_named(monkeypatch):
    import types
    from importlib.metadata import EntryPoint

    from toy import toy

    from longspan import brought
    from longspan.evaluation import catalogue

    module = types.ModuleType("harbour_tasks")
    module.TASKS, module.WRONG = (toy("harbour/letters"),), (toy("other/letters"),)
    monkeypatch.setitem(sys.modules, "harbour_tasks", module)
    entries = [
        EntryPoint(name, f"harbour_tasks:{what}", catalogue.BROUGHT.group)
        for name, what in (
            ("harbour", "TASKS"),
            ("wrong", "WRONG"),
            ("absent", "NOTHING"),
            ("ruler", "TASKS"),
        )
    ]
    monkeypatch.setattr(brought, "entry_points", lambda group: entries)
    brought.announced.cache_clear()
    try:
        assert [task.name for task in catalogue.find(["harbour/*"])] == ["harbour/letters"]
        assert catalogue.find(["ruler/vt"])[0].family == "ruler"  # ours cannot be replaced
        with pytest.raises(TaskError, match=r"tasks wrong .* is not a tuple of tasks named wrong/"):
            catalogue.find(["wrong"])
        with pytest.raises(TaskError, match=r"tasks absent .* cannot be loaded"):
            catalogue.find(["absent"])
        with pytest.raises(TaskError, match="did you mean harbour"):
            catalogue.find(["harbor"])
    finally:
        brought.announced.cache_clear()
