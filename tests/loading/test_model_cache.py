"""The cache: whole or nothing, one conversion for many processes, nothing outside it touched."""

import json
import os
import subprocess
import sys

import pytest
from tiny_models import tiny_network, write_gguf

from longspan import cache_folder as cache_room
from longspan.cache_folder import cache_folder, delete, require_space, subfolder, whole_folder
from longspan.errors import LongspanError
from longspan.loading import load_weights
from longspan.loading.converted import MANIFEST
from longspan.loading.digest import file_digest


@pytest.fixture
def gguf_file(tmp_path):
    return write_gguf(tmp_path / "tiny.gguf", tiny_network("qwen2"))


def converted(cache):
    return sorted(cache.glob("converted/[!.]*"))


def test_the_environment_names_the_folder(cache, monkeypatch):
    assert cache_folder() == cache
    monkeypatch.setenv("LONGSPAN_CACHE", "")
    assert cache_folder().is_absolute()
    assert cache_folder() != cache


def test_a_cache_that_cannot_be_written_is_one_clear_line(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LONGSPAN_CACHE", str(tmp_path / "file"))
    with pytest.raises(LongspanError, match="set LONGSPAN_CACHE"):
        subfolder("models")


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    target = tmp_path / "made"
    (tmp_path / ".partial-made-left").mkdir()

    def fail_halfway():
        with whole_folder(target) as folder:
            (folder / "half").write_text("x")
            assert not target.exists()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert list(tmp_path.iterdir()) == []
    for content in ("first", "second"):
        with whole_folder(target) as folder:
            (folder / "file").write_text(content)
        assert (target / "file").read_text() == content
    assert list(tmp_path.iterdir()) == [target]


def test_a_second_load_converts_nothing(cache, gguf_file):
    steps = []

    def watch(progress):
        assert 0 <= progress.processed <= progress.total
        assert progress.unit == "bytes"
        steps.append(progress.stage)

    first = load_weights(gguf_file, weights="expanded", dtype="float32", progress=watch)
    assert set(steps) == {"converting"}
    copies = converted(cache)
    second = load_weights(
        gguf_file, weights="expanded", dtype="float32", progress=lambda *_: pytest.fail("converted again")
    )
    assert first.digest == second.digest == file_digest(gguf_file)
    assert converted(cache) == copies
    load_weights(gguf_file, weights="expanded", dtype="bfloat16")
    assert len(converted(cache)) == 2


def spoil_size(folder):
    with (folder / "model.safetensors").open("ab") as file:
        file.write(b"x")


@pytest.mark.parametrize(
    "spoil",
    [
        spoil_size,
        lambda folder: (folder / "tokenizer.json").unlink(),
        lambda folder: (folder / MANIFEST).unlink(),
        lambda folder: (folder / MANIFEST).write_text("{"),
    ],
)
def test_a_copy_that_is_not_whole_is_made_again(cache, gguf_file, spoil):
    before = load_weights(gguf_file, weights="expanded", dtype="float32").network.state_dict()
    (copy,) = converted(cache)
    spoil(copy)
    after = load_weights(gguf_file, weights="expanded", dtype="float32").network.state_dict()
    assert converted(cache) == [copy]
    assert all((before[name] == weight).all() for name, weight in after.items())


def test_two_processes_at_once_convert_once(cache, gguf_file):
    code = (
        "import sys; from longspan.loading import pull; steps = [];"
        "pull(sys.argv[1], weights='expanded', dtype='float32', progress=lambda *step: steps.append(step));"
        "print(len(steps) > 0)"
    )
    command = [sys.executable, "-c", code, str(gguf_file)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = sorted(process.communicate()[0].strip() for process in running)
    assert answers == ["False", "True"]
    assert len(converted(cache)) == 1
    assert not list(cache.rglob(".partial*"))


def test_the_digest_of_a_large_file_is_read_once_until_it_changes(cache, tmp_path, monkeypatch):
    monkeypatch.setattr("longspan.loading.digest.REMEMBER_ABOVE", 10)
    path = tmp_path / "large"
    path.write_bytes(b"0" * 100)
    first = file_digest(path)
    assert not list(cache.glob("digests/*.json")), (
        "a file that was just written may change within the clock's tick"
    )
    monkeypatch.setattr("longspan.loading.digest.QUIET", 0)
    assert file_digest(path) == first
    (note,) = cache.glob("digests/*.json")
    note.write_text(json.dumps(json.loads(note.read_text()) | {"digest": "remembered"}))
    assert file_digest(path) == "remembered"
    path.write_bytes(b"1" * 101)
    assert file_digest(path) not in (first, "remembered")
    path.write_bytes(b"0" * 100)
    assert file_digest(path) == first
    note.write_text("[]")
    assert file_digest(path) == first
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    path.write_bytes(b"2" * 100)
    os.utime(path, ns=times)
    assert file_digest(path) != first, "the same size and time of change, as some programs restore them"


def test_a_full_disk_is_told_before_work_begins(cache):
    require_space(1, "converting")
    with pytest.raises(LongspanError, match=r"converting needs 1000000000\.0 GB.*set LONGSPAN_CACHE"):
        require_space(10**18, "converting")


def test_only_what_is_inside_the_cache_can_be_deleted(cache, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("x" * 10)
    inside = subfolder("converted") / "copy"
    inside.mkdir()
    (inside / "file").write_text("x" * 10)
    link = subfolder("converted") / "link"
    link.symlink_to(outside)
    for path in (outside, link, cache / ".." / "outside", cache):
        with pytest.raises(LongspanError, match="not inside the cache folder"):
            delete(path)
    assert delete(inside) == 10
    assert (outside / "file").exists()
    assert os.listdir(subfolder("converted")) == ["link"]
    assert cache_room.bytes_below(inside) == 0
