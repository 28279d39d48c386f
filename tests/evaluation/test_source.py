"""Rows from local files and from the hub."""

import csv
import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longspan.evaluation.source import Source, placed_rows, read_rows
from longspan.evaluation.task import TaskError

ROWS = [
    {"question": "Where is it?", "answers": ["here", "there"]},
    {"question": "Whose?", "answers": ["hers"]},
]


def lines(rows: list[dict]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, "utf-8", newline="")
    return path


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rows.jsonl", lines(ROWS)),
        ("rows.jsonl", lines(ROWS).replace("\n", "\r\n\r\n").rstrip()),
        ("rows.jsonl", "\ufeff" + lines(ROWS)),
        ("rows.json", json.dumps(ROWS)),
    ],
)
def test_the_same_rows_whatever_they_are_written_in(
    tmp_path: Path, name: str, text: str, ending: str
) -> None:
    assert list(read_rows(written(tmp_path / (name + ending), text))) == ROWS


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_an_object_a_table_and_a_text(tmp_path: Path, ending: str) -> None:
    one = written(tmp_path / f"one.json{ending}", json.dumps({"data": [1]}))
    assert list(read_rows(one)) == [{"data": [1]}]
    table = written(tmp_path / f"table.csv{ending}", 'text,label\r\n"lost, or\r\nstolen",card\r\nfine,\r\n')
    assert list(read_rows(table)) == [
        {"text": "lost, or\r\nstolen", "label": "card"},
        {"text": "fine", "label": ""},
    ]
    text = written(tmp_path / f"book.txt{ending}", "Once.\n\nThen.")
    assert list(read_rows(text)) == [{"text": "Once.\n\nThen."}]


SEPARATORS = "\u2028\u2029\x85\x0b\x0c\x1c\x1e"


@given(st.lists(st.text(alphabet=st.sampled_from(f"ab {SEPARATORS}\r\n"))))
def test_no_separator_but_the_line_feed_ends_a_record(tmp_path_factory, texts: list[str]) -> None:
    rows = [{"text": text} for text in texts]
    path = tmp_path_factory.mktemp("rows")
    assert list(read_rows(written(path / "rows.jsonl", lines(rows)))) == rows
    with (path / "rows.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, ["number", "text"])
        table.writeheader()
        table.writerows({"number": str(number), **row} for number, row in enumerate(rows))
    assert [row["text"] for row in read_rows(path / "rows.csv")] == texts


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("a.jsonl", '{"a": 1}\n\n{"a": 2\n', "a.jsonl line 3: not JSON"),
        ("a.jsonl", '{"a": "\u2028"}\n[1]\n', "a.jsonl line 2: list where an object is needed"),
        ("a.jsonl.gz", '{"a": 1}\nnone\n', "a.jsonl.gz line 2: not JSON"),
        ("a.json", '[{"a": 1}, 2]', "a.json item 2: int where an object is needed"),
        ("a.json", "[1, ", "a.json: not JSON"),
        ("a.json", "[" * 200_000, "a.json: JSON nested too deeply"),
        ("a.csv", "text,label\nfine,card\nfine\n", "a.csv line 3: not as many fields"),
        ("a.csv", "text,label\nfine,card,more\n", "a.csv line 2: not as many fields"),
        ("a.csv", 'text,label\n"fine,card\n', "a.csv cannot be read"),
    ],
)
def test_what_is_malformed_is_said_with_its_place(tmp_path: Path, name: str, text: str, fault: str) -> None:
    path = written(tmp_path / name, text)
    with pytest.raises(TaskError) as raised:
        list(read_rows(path))
    assert f"{tmp_path}/{fault}" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_rows_before_a_malformed_one_are_given_with_their_places(tmp_path: Path) -> None:
    found = placed_rows(written(tmp_path / "a.jsonl", '{"a": 1}\n\n{"a": 2}\nnone'))
    assert [next(found), next(found)] == [
        (f"{tmp_path}/a.jsonl line 1", {"a": 1}),
        (f"{tmp_path}/a.jsonl line 3", {"a": 2}),
    ]
    with pytest.raises(TaskError, match="line 4"):
        next(found)


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe{}", gzip.compress(lines(ROWS).encode(), mtime=0)[:-12], b"\x1f\x8bno", b"no gzip"],
)
def test_a_damaged_file_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / ("a.jsonl" if content.startswith(b"\xff") else "a.jsonl.gz")
    path.write_bytes(content)
    with pytest.raises(TaskError, match="cannot be read") as raised:
        list(read_rows(path))
    assert "\n" not in str(raised.value)


# From where.


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a data set as the hub would have it; what `datasets` makes of it stays in the test's folder."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()
    written(tmp_path / "hub" / "test.jsonl", lines(ROWS))
    written(tmp_path / "hub" / "train.jsonl", lines(ROWS[:1]))
    written(tmp_path / "parts" / "other" / "test.jsonl", lines(ROWS[1:]))
    written(tmp_path / "parts" / "another" / "test.jsonl", lines(ROWS))
    return tmp_path / "hub"


def test_a_local_file_comes_before_the_hub(tmp_path: Path) -> None:
    source = Source(hub="nobody/nothing", files=("a/one.jsonl", "a/two.jsonl"))
    written(tmp_path / "a" / "two.jsonl", lines(ROWS[1:]))
    assert list(source.rows(tmp_path, "a/task")) == ROWS[1:]
    written(tmp_path / "a" / "one.jsonl", lines(ROWS[:1]))
    assert list(source.rows(tmp_path, "a/task")) == ROWS[:1]


def test_rows_of_the_hub(hub: Path) -> None:
    assert list(Source(hub=str(hub)).rows(None, "a/task")) == ROWS
    assert list(Source(hub=str(hub), split="train").rows(None, "a/task")) == ROWS[:1]
    assert list(Source(hub=str(hub.parent / "parts"), folder="other").rows(None, "a/task")) == ROWS[1:]


def test_a_split_that_is_not_there_is_one_line(hub: Path) -> None:
    with pytest.raises(TaskError, match="cannot be fetched") as raised:
        list(Source(hub=str(hub), split="validation").rows(None, "a/task"))
    assert "\n" not in str(raised.value)
    assert "validation" in str(raised.value)


@pytest.mark.parametrize("files", [(), ("a/test.jsonl",)])
def test_a_hub_out_of_reach_is_one_line_with_the_other_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: tuple[str, ...]
) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    with pytest.raises(TaskError, match=r"^a/task needs its data") as raised:
        list(Source(hub="nobody/nothing", files=files).rows(tmp_path, "a/task"))
    said = str(raised.value)
    assert "\n" not in said
    assert f"it is not in {tmp_path}" in said
    assert "nobody/nothing cannot be fetched" in said
    assert said.endswith(
        "connect to the hub, or put a/test.jsonl into a folder and name the folder with data=..."
        if files
        else "connect to the hub"
    )


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises(TaskError, match=r"pip install 'longspan\[datasets\]' to fetch nobody/nothing"):
        list(Source(hub="nobody/nothing").rows(None, "a/task"))


def test_data_that_is_only_local_says_where_it_is_from(tmp_path: Path) -> None:
    source = Source(files=("a/one.json", "b.json"), address="https://example.org/a")
    with pytest.raises(TaskError) as raised:
        list(source.rows(None, "a/task"))
    assert str(raised.value) == (
        "a/task needs its data: fetch it from https://example.org/a, put a/one.json or b.json into a folder "
        "and name the folder with data=..."
    )
    with pytest.raises(TaskError, match="it is not in"):
        list(source.rows(tmp_path, "a/task"))
