"""Samples are kept as long as nothing that they depend on changes."""

import json
import os
import sys
from dataclasses import dataclass
from itertools import islice
from types import ModuleType

import pytest
from toy import FACTS, HAYSTACK, toy

from longspan.evaluation import code
from longspan.evaluation import prepared as module
from longspan.evaluation.prepared import prepared
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Generated, Request


@dataclass(frozen=True, kw_only=True)
class Lines(Generated):
    """Its samples are the lines of a file."""

    def make(self, random, index, request):
        text = (request.data / "set" / "lines.txt").read_text().splitlines()[index]
        return Sample(id="", context=text, question="?", references=("a",))

    def score(self, output, sample):
        return {"score": 0.0}


LINES = Lines(name="toy/lines", **FACTS)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LONGSPAN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "samples"


@pytest.fixture
def data(tmp_path):
    file = tmp_path / "data" / "set" / "lines.txt"
    file.parent.mkdir(parents=True)
    file.write_text("one\ntwo\n")
    return tmp_path / "data"


def request(data=None, length=200):
    return Request(length=length, seed=0, count_tokens=len, overhead=0, haystack=HAYSTACK, data=data)


def texts(data, count=2):
    return [sample.context for sample in prepared(LINES, request(data), count, "t")]


def test_kept_samples_are_those_that_were_made(cache):
    first = list(prepared(toy(), request(), 3, "t"))
    assert first == list(islice(toy().samples(request()), 3))
    (kept,) = cache.glob("*.jsonl")
    assert list(prepared(toy(), request(), 2, "t")) == first[:2]
    assert [Sample.of(json.loads(line)) for line in kept.read_text().splitlines()] == first


@pytest.mark.parametrize("change", ["size", "time", "name"])
def test_a_change_of_the_data_makes_samples_anew(data, change):
    file = data / "set" / "lines.txt"
    assert texts(data) == ["one", "two"]
    before = file.stat()
    if change == "size":
        file.write_text("one more\ntwo\n")
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif change == "time":
        file.write_text("six\ntwo\n")
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    else:
        file.rename(data / "set" / "other.txt")
        with pytest.raises(FileNotFoundError):
            texts(data)
        return
    assert texts(data) == file.read_text().splitlines()


def test_unchanged_data_is_not_read_again(data, cache):
    assert texts(data) == ["one", "two"]
    (kept,) = cache.glob("*.jsonl")
    kept.write_text(kept.read_text().replace("one", "kept"))
    assert texts(data) == ["kept", "two"]


def test_another_version_makes_samples_anew(cache, monkeypatch):
    list(prepared(toy(), request(), 1, "t"))
    monkeypatch.setattr(module, "__version__", "0.0.0")
    list(prepared(toy(), request(), 1, "t"))
    assert len(list(cache.glob("*.jsonl"))) == 2


@pytest.fixture
def room(tmp_path, monkeypatch):
    """Files of an evaluation of its own; one of them is loaded as the module `hidden_words`."""
    files = {
        "tasks/hidden_words.py": "def late():\n    from a.room.metrics import text",
        "metrics/text.py": "import json\nimport a.room.words\nfrom a.other import thing",
        "words.py": "from a.room.tasks.shared import x",
        "tasks/shared/__init__.py": "from a.room.metrics.text import y",
        "wordlists/nouns.txt": "lamp",
        "tasks/not_led_to.py": "",
        "other.py": "",
    }
    for name, text in files.items():
        path = tmp_path / "room" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    loaded = ModuleType("hidden_words")
    loaded.__file__ = str(tmp_path / "room" / "tasks" / "hidden_words.py")
    monkeypatch.setitem(sys.modules, "hidden_words", loaded)
    monkeypatch.setattr(code, "_ROOM", "a.room")
    monkeypatch.setattr(code, "_FOLDER", tmp_path / "room")
    return {tmp_path / "room" / name: text for name, text in files.items()}


def test_the_digest_changes_with_each_file_that_is_led_to_and_no_other(room):
    digest = code.digest.__wrapped__  # without its memory
    first = digest("hidden_words")
    for path, text in room.items():
        path.write_text(f"{text}\n# changed")
        assert (digest("hidden_words") != first) == (path.name not in ("not_led_to.py", "other.py")), path
        path.write_text(text)
    assert digest("hidden_words") == first
