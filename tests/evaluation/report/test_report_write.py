"""The files of a report."""

import csv
import json
import os
import subprocess
import sys

import pytest
from synthetic_run import PLANS, record, records, written

from longspan.evaluation.record import RunFolder
from longspan.evaluation.report import write_report
from longspan.evaluation.report.table import task_rows
from longspan.evaluation.task import TaskError


def test_a_line_of_csv_for_each_plan_task_and_length(files, answers):
    with files.csv.open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    rows = task_rows(answers)
    assert len(lines) == len(rows)
    for line, row in zip(lines, rows, strict=True):
        assert (line["plan"], line["task"], int(line["length"])) == (row.plan, row.name, row.length)
        assert line["score"] == ("" if row.score is None else repr(row.score.mean))
        assert line["samples"] == str(row.samples)


def test_json_holds_all_figures(files, answers):
    found = json.loads(files.json.read_text("utf-8"))
    assert found["run"] == answers.run
    assert found["plans"] == list(PLANS)
    assert len(found["rows"]) == len(task_rows(answers))
    assert [each["length"] for each in found["standings"]] == [4096, 8192, 16384, 32768]
    assert {each["benchmark"] for each in found["means"] if "benchmark" in each} == {"ruler"}
    assert found["missing"] == 0
    assert set(found["summary"]) == {"4,096 tokens", "8,192 tokens", "16,384 tokens", "32,768 tokens"}


def test_what_is_unknown_is_null_and_not_a_number(tmp_path):
    files = write_report(written(tmp_path, [record(kv_bytes=0)], plans=[""]))
    (row,) = json.loads(files.json.read_text("utf-8"), parse_constant=pytest.fail)["rows"]
    assert (row["score"], row["score_low"], row["kv_bytes"]) == (1.0, None, None)


def test_the_order_of_the_records_changes_no_figure(tmp_path):
    names = ["ruler/qa-1", "ruler/qa-2"]
    few = [each for each in records(2) if each.task in names]
    folder = written(tmp_path / "run", few, samples=2, tasks=[{"name": name} for name in names])
    lines = (folder.path / "records.jsonl").read_text("utf-8").splitlines(keepends=True)
    other = RunFolder(tmp_path / "other")
    other.path.mkdir()
    other.describe(folder.description)
    (other.path / "records.jsonl").write_text("".join(reversed(lines)), "utf-8")
    files = write_report(folder.path)
    again = write_report(other)
    assert again.csv.read_text("utf-8") == files.csv.read_text("utf-8")
    assert again.json.read_text("utf-8") == files.json.read_text("utf-8")


def test_a_report_is_written_anew(tmp_path):
    folder = written(tmp_path, [record()], plans=[""])
    first = write_report(folder).html.read_bytes()
    assert write_report(tmp_path).html.read_bytes() == first
    assert {path.name for path in tmp_path.iterdir()} == {
        "run.json",
        "records.jsonl",
        "report.html",
        "report.csv",
        "report.json",
    }


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(TaskError, match="holds no run; give the folder that longspan eval"):
        write_report(tmp_path)
    assert not list(tmp_path.iterdir())


WRITE = "from longspan.evaluation.report import write_report; write_report(sys.argv[1])"


def run(code, folder):
    written(folder, [record()], plans=[""])
    return subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, env=dict(os.environ)
    )


def test_without_matplotlib_the_error_says_what_to_install(tmp_path):
    code = "import sys; sys.modules['matplotlib'] = None\n" + WRITE
    finished = run(code, tmp_path)
    assert finished.stderr.splitlines()[-1].endswith(
        "ReportError: a report draws with matplotlib, which is not installed; pip install 'longspan[evaluation]'"
    )


def test_a_report_needs_neither_torch_nor_pyplot(tmp_path):
    code = f"import sys\n{WRITE}\nprint({{'torch', 'transformers', 'matplotlib.pyplot'}} & set(sys.modules))"
    finished = run(code, tmp_path)
    assert finished.stdout == "set()\n", finished.stderr
