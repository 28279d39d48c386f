"""Files of the hub's data sets: local copies in every layout, a hub on this machine, and what can be wrong."""

import hashlib
import json
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from longspan.evaluation.archive import HubFile
from longspan.evaluation.task import TaskError

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ROWS = [
    {"context": "some text\u2028of two lines", "answers": ["a"]},
    {"context": "{braces}", "answers": ["b"]},
]
ZIPPED = HubFile(
    hub="owner/set", path="data.zip", member="one.jsonl", folder="set", texts=("context",), keys=("answers",)
)
PLAIN = HubFile(hub="owner/set", path="deep/one.jsonl", folder="set", texts=("context",), keys=("answers",))


def jsonl(rows: list[dict[str, object]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def write_zip(path: Path, members: dict[str, str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return path


@pytest.mark.parametrize(
    ("source", "names"),
    [
        (ZIPPED, ("set/one.jsonl", "set/data/one.jsonl", "set/data.zip")),
        (PLAIN, ("set/one.jsonl", "set/deep/one.jsonl")),
    ],
)
def test_a_local_copy_may_lie_alone_or_as_published(
    tmp_path: Path, source: HubFile, names: tuple[str, ...]
) -> None:
    assert source.local_names == names
    for name in names:
        data = tmp_path / name.replace("/", "-")
        if name.endswith(".zip"):
            write_zip(data / name, {"x/other.jsonl": "no json", "x/y/one.jsonl": jsonl(ROWS)})
        else:
            (data / name).parent.mkdir(parents=True)
            (data / name).write_text(jsonl(ROWS), "utf-8")
        assert list(source.rows(data, "task")) == ROWS


def test_a_row_of_an_archive_is_read_only_when_it_is_asked_for(tmp_path: Path) -> None:
    write_zip(tmp_path / "set/data.zip", {"one.jsonl": jsonl(ROWS) + "{broken\n"})
    rows = ZIPPED.rows(tmp_path, "task")
    assert [next(rows), next(rows)] == ROWS
    with pytest.raises(
        TaskError, match=r"one\.jsonl in .*data\.zip cannot be read: .*fetch the archive anew"
    ):
        next(rows)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (jsonl([ROWS[0], {"context": "x"}]), r"one\.jsonl row 2: task needs answers; fetch the file anew"),
        (jsonl([{"context": 3, "answers": []}]), r"row 1: task needs answers, context"),
        ('["a"]\n', r"one\.jsonl line 1: list where an object is needed"),
        ("", r"holds no rows for task; fetch the file anew"),
        (jsonl(ROWS) + "{broken\n", r"one\.jsonl line 3: not JSON"),
    ],
)
def test_a_malformed_file_is_named_with_its_row(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set/one.jsonl").write_text(text, "utf-8")
    with pytest.raises(TaskError, match=message):
        list(ZIPPED.rows(tmp_path, "task"))


def test_a_line_of_an_archive_that_is_no_object_is_named(tmp_path: Path) -> None:
    write_zip(tmp_path / "set/data.zip", {"one.jsonl": jsonl(ROWS) + "\n[1]\n"})
    with pytest.raises(
        TaskError, match=r"one\.jsonl in .*data\.zip line 4: list where an object is needed; fetch"
    ):
        list(ZIPPED.rows(tmp_path, "task"))


def test_an_archive_that_is_none_or_lacks_the_file(tmp_path: Path) -> None:
    write_zip(tmp_path / "lacks/set/data.zip", {"two.jsonl": jsonl(ROWS)})
    with pytest.raises(TaskError, match=r"data\.zip holds no one\.jsonl; fetch the archive anew"):
        list(ZIPPED.rows(tmp_path / "lacks", "task"))
    (tmp_path / "none/set").mkdir(parents=True)
    (tmp_path / "none/set/data.zip").write_bytes(b"<html>not found</html>")
    with pytest.raises(TaskError, match=r"cannot be read: .*not a zip file; fetch the archive anew"):
        list(ZIPPED.rows(tmp_path / "none", "task"))


class Hub(BaseHTTPRequestHandler):
    """Serves files of data sets, by their place under resolve/main."""

    files: ClassVar[dict[str, bytes]]
    asked: ClassVar[list[str]]

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.asked.append(self.path)
        content = self.files.get(self.path.removeprefix("/datasets/owner/set/resolve/main/"))
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Length", str(len(content or b"")))
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha1(content or b"").hexdigest()}"')  # noqa: S324
        if content is None:
            self.send_header("X-Error-Code", "EntryNotFound")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content or b"")

    do_HEAD = do_GET  # noqa: N815


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Hub]]:
    """A hub with one archive, and an empty cache."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
    monkeypatch.setattr(
        "huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE",
        address + "/{repo_id}/resolve/{revision}/{filename}",
    )
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    archive = write_zip(tmp_path / "data.zip", {"data/one.jsonl": jsonl(ROWS)})
    monkeypatch.setattr(Hub, "files", {"data.zip": archive.read_bytes()}, raising=False)
    monkeypatch.setattr(Hub, "asked", [], raising=False)
    yield Hub
    server.shutdown()


def test_the_hub_is_asked_once(hub: type[Hub], tmp_path: Path) -> None:
    assert list(ZIPPED.rows(tmp_path / "empty", "task")) == ROWS
    downloads = len(hub.asked)
    assert list(ZIPPED.rows(None, "task")) == ROWS
    assert len(hub.asked) <= downloads + 1, "the archive itself is not fetched again"


def test_a_file_that_the_hub_lacks_says_how_to_get_it(hub: type[Hub], tmp_path: Path) -> None:
    with pytest.raises(TaskError) as caught:
        list(PLAIN.rows(tmp_path, "family/task"))
    message = str(caught.value)
    assert message.startswith(
        f"family/task needs its data (it is not in {tmp_path}): deep/one.jsonl of owner/set"
    )
    assert message.endswith(
        "connect to the hub, or put set/one.jsonl or set/deep/one.jsonl into a folder and name the folder with data=..."
    )
    assert "\n" not in message
