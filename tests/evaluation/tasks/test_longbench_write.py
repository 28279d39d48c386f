"""Texts of a demanded length."""

import json
from collections import Counter
from pathlib import Path

import pytest

from longspan.evaluation.haystack import Haystack
from longspan.evaluation.task import Request, TaskError
from longspan.evaluation.tasks.longbench_write import TASKS, length_range
from wordcount import words

BY_NAME = {task.name: task for task in TASKS}


def request(data: Path | None) -> Request:
    return Request(
        length=None,
        seed=0,
        count_tokens=words,
        overhead=20,
        haystack=Haystack(repeats=True, name="h", text="One."),
        data=data,
    )


def written(folder: Path, *rows: object) -> Path:
    (folder / "longbench_write").mkdir()
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "longbench_write" / "longbench_write_en.jsonl").write_text(lines, "utf-8")
    return folder


def test_prompt_and_score(tmp_path: Path) -> None:
    data = written(tmp_path, {"prompt": "Write 100 words.", "type": "News", "length": 100})
    task = BY_NAME["longbench-write/en"]
    (sample,) = task.samples(request(data))
    assert (sample.context + sample.question) == "Write 100 words."
    assert sample.facts == {"words": 100, "range": "0-500", "type": "News", "max_new_tokens": 1200}
    assert task.score("word " * 100, sample) == {"score": 1, "words": 100}
    assert task.score("word " * 250, sample) == {"score": 0.5, "words": 250}
    assert task.score("", sample) == {"score": 0, "words": 0}


@pytest.mark.parametrize(
    "row", [{"prompt": "Write."}, {"prompt": "Write.", "length": 0}, {"prompt": 3, "length": 9}]
)
def test_a_malformed_row_is_named(tmp_path: Path, row: dict[str, object]) -> None:
    data = written(tmp_path, {"prompt": "Write.", "length": 5}, row)
    with pytest.raises(TaskError, match="longbench-write/en row 2"):
        list(BY_NAME["longbench-write/en"].samples(request(data)))


def test_absent_data_says_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"longbench_write_en\.jsonl.*data="):
        next(BY_NAME["longbench-write/en"].samples(request(tmp_path)))


def test_ranges() -> None:
    assert [length_range(words) for words in (499, 500, 1999, 2000, 3999, 4000)] == [
        "0-500",
        "500-2k",
        "500-2k",
        "2k-4k",
        "2k-4k",
        "4k-20k",
    ]


def test_the_published_files(shared_data: Path) -> None:
    counts = {name: len(list(task.samples(request(shared_data)))) for name, task in BY_NAME.items()}
    assert counts == {"longbench-write/en": 60, "longbench-write/all": 120, "longbench-write/ruler": 48}
    ranges = Counter(
        sample.facts["range"] for sample in BY_NAME["longbench-write/all"].samples(request(shared_data))
    )
    assert ranges == {"0-500": 26, "500-2k": 36, "2k-4k": 31, "4k-20k": 27}
