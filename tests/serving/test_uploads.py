"""Files that clients leave: by OpenAI's own client, each owner's alone, within bounds, under names of the server."""

from __future__ import annotations

import errno
import io
import time
from contextlib import contextmanager

import openai
import pytest
from scripted_desk import ScriptedDesk
from shell import KEYS, client, shell

from longspan.serving.refused import Refused
from longspan.serving.web import uploads as uploads_module
from longspan.serving.web.multipart import labelled
from longspan.serving.web.uploads import Uploads


@pytest.fixture(scope="module")
def root():
    with shell(ScriptedDesk(), keys=KEYS) as root:
        yield root


@pytest.fixture(scope="module")
def clients(root):
    return [openai.OpenAI(base_url=f"{root}/v1", api_key=key, max_retries=0) for key in KEYS]


def test_the_official_client_leaves_lists_reads_and_deletes_files(clients):
    files = clients[0].files
    made = [
        files.create(file=(f"{name}.txt", name.encode()), purpose="user_data")
        for name in ("one", "two", "six")
    ]
    assert [each.filename for each in files.list()] == ["six.txt", "two.txt", "one.txt"]
    assert [each.id for each in files.list(order="asc", limit=2)] == [each.id for each in made]
    assert [each.id for each in files.list(after=made[1].id)] == [made[0].id]
    assert list(files.list(purpose="batch")) == []
    shown = files.retrieve(made[0].id)
    assert (shown.bytes, shown.object, shown.status, shown.expires_at) == (3, "file", "processed", None)
    assert files.content(made[2].id).read() == b"six"
    assert files.delete(made[2].id).deleted
    with pytest.raises(openai.NotFoundError, match="no file"):
        files.content(made[2].id)


def test_a_file_can_be_left_for_a_time(clients):
    after = {"anchor": "created_at", "seconds": 3600}
    made = clients[0].files.create(file=b"a", purpose="batch", expires_after=after)
    assert made.expires_at == pytest.approx(time.time() + 3600, abs=5)
    for wrong in ({"anchor": "now", "seconds": 3600}, {"anchor": "created_at", "seconds": 5}):
        with pytest.raises(openai.BadRequestError, match="allowed"):
            clients[0].files.create(file=b"a", purpose="batch", expires_after=wrong)


def test_files_of_others_are_not_there(clients):
    made = clients[0].files.create(file=b"mine", purpose="user_data")
    other = clients[1].files
    assert made.id not in [each.id for each in other.list()]
    for use in (other.retrieve, other.content, other.delete):
        with pytest.raises(openai.NotFoundError):
            use(made.id)
    with pytest.raises(openai.BadRequestError):
        other.list(after=made.id).data  # noqa: B018
    assert clients[0].files.content(made.id).read() == b"mine"


def test_what_comes_back_is_no_page(root):
    with client(root) as somebody:
        page = ("a.html", b"<script>alert(1)</script>", "text/html")
        made = somebody.post("/v1/files", files={"file": page}).json()
        answer = somebody.get(f"/v1/files/{made['id']}/content")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == "attachment"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=99999999999", "limit=-1", "after=file-0"])
def test_a_page_that_cannot_be_is_refused(root, query):
    with client(root) as somebody:
        assert somebody.get(f"/v1/files?{query}").status_code == 400


@pytest.mark.parametrize(("file", "purpose"), [(b"", "batch"), (b"a", "spying")])
def test_files_that_cannot_be_left_are_refused(clients, file, purpose):
    with pytest.raises(openai.BadRequestError):
        clients[0].files.create(file=file, purpose=purpose)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\secrets\\a.txt", "a.txt"),
        ("a\u202etxt.exe", "a txt.exe"),
        ("a\x1b[31m\r\nb", "a [31m b"),
        ("e\u0301.txt", "\u00e9.txt"),
        ("x" * 999, "x" * 255),
        ("", "file"),
        ("///", "file"),
    ],
)
def test_names_are_labels(name, label):
    assert labelled(name, "file") == label


def put(uploads: Uploads, data: bytes, owner: str = "a", expires: float | None = None):
    return uploads.put(owner, "name", "user_data", io.BytesIO(data), len(data), expires)


@pytest.fixture
def left(tmp_path):
    @contextmanager
    def made(**bounds):
        uploads = Uploads(tmp_path, **bounds)
        try:
            yield uploads
        finally:
            uploads.close()

    yield made
    assert list(tmp_path.iterdir()) == []


def test_an_owner_has_so_many_bytes_and_files(left):
    with left(room=10, count=3) as uploads:
        put(uploads, b"12345678")
        with pytest.raises(Refused, match="leave no room for 3 more"):
            put(uploads, b"123")
        first = put(uploads, b"1")
        put(uploads, b"2")
        with pytest.raises(Refused) as refused:
            put(uploads, b"")
        assert (refused.value.status, refused.value.code) == (413, "quota_exceeded")
        put(uploads, b"1234567890", owner="b")
        uploads.delete("a", first.id)
        put(uploads, b"3")


def test_all_owners_have_so_many_bytes_together(left):
    with left(room=10, total=15) as uploads:
        put(uploads, b"1234567890")
        with pytest.raises(Refused, match="no room for more files") as refused:
            put(uploads, b"123456", owner="b")
        assert refused.value.status == 503


def test_what_has_expired_is_gone_and_gives_its_room_back(left):
    with left(room=3) as uploads:
        gone = put(uploads, b"123", expires=time.time() - 1)
        assert uploads.listed("a") == []
        with pytest.raises(Refused, match="no file"):
            uploads.of("a", gone.id)
        put(uploads, b"456")


def test_a_full_disk_is_told_and_takes_no_room(left, monkeypatch):
    with left(room=3) as uploads:
        with monkeypatch.context() as patched:
            patched.setattr(uploads_module.shutil, "copyfileobj", full)
            with pytest.raises(Refused, match="No space left") as refused:
                put(uploads, b"123")
        assert (refused.value.status, refused.value.code) == (503, "disk_full")
        put(uploads, b"456")


def full(*given):
    raise OSError(errno.ENOSPC, "No space left on device", "/a/path")
