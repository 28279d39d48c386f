"""`longspan cache`: list, show, remove, prune."""

import json
import os
import sys
from dataclasses import asdict

import pytest
import torch

from longspan.cli import main
from longspan.cli.sizes import read_bytes
from longspan.contexts.about import About
from longspan.contexts.file import write
from longspan.contexts.folder import place

ABOUT = About(
    model="tiny",
    dtype="float32",
    plan="codec=int8",
    documents=["a.txt", "b\x1b[2J.txt"],
    tokens=[1234],
    read_seconds=2.0,
    longspan="0",
)


@pytest.fixture
def cache(monkeypatch, capsys):
    """Runs `longspan cache` in this process: (exit code, standard output, standard error)."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["longspan", "cache", *arguments])
        with pytest.raises(SystemExit) as stopped:
            main()
        printed = capsys.readouterr()
        return stopped.value.code or 0, printed.out, printed.err

    return call


@pytest.fixture
def two(cache):
    """Two contexts of about 3 kB, the second used later."""
    for used, name in ((1000, "aaaa" * 8), (2000, "bbbb" * 8)):
        write(place(name), {"t": torch.zeros(2000, dtype=torch.uint8)}, {"about": asdict(ABOUT)})
        os.utime(place(name), (used, used))


def test_an_empty_cache_says_so(cache):
    assert cache("list")[1].splitlines()[-1] == "0 contexts, 0 bytes"
    assert json.loads(cache("list", "--json")[1]) == []


def test_the_list_shows_what_people_want_to_know(cache, two):
    code, out, _ = cache("list")
    header, first, second, total = out.splitlines()
    assert code == 0
    assert header.split() == ["name", "on", "disk", "last", "used", "tokens", "model", "plan", "documents"]
    assert first.startswith("bbbbbbbbbbbb ")
    assert second.startswith("aaaaaaaaaaaa ")
    for word in ("1,234", "tiny", "codec=int8", "a.txt, b"):
        assert word in first
    assert "\x1b" not in out
    assert total.startswith("2 contexts, ")
    listed = json.loads(cache("list", "--json")[1])
    assert [each["name"] for each in listed] == ["bbbb" * 8, "aaaa" * 8]
    assert listed[0]["about"] == asdict(ABOUT)
    assert listed[0]["bytes"] == place("bbbb" * 8).stat().st_size


def test_show_reads_the_whole_file(cache, two):
    _, out, _ = cache("show", "a")
    assert "state      whole" in out
    assert "\x1b" not in out
    path = place("aaaa" * 8)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    code, out, _ = cache("show", "a")
    assert code == 0
    assert "is damaged" in out
    assert "is damaged" in json.loads(cache("show", "a", "--json")[1])["problem"]
    assert json.loads(cache("show", "b", "--json")[1])["problem"] == ""


def test_a_file_that_cannot_be_read_is_listed_and_can_go(cache, two):
    place("cc").write_bytes(b"nothing")
    assert "no saved context" in cache("list")[1]
    assert "no saved context" in cache("show", "cc")[1]
    assert cache("remove", "cc")[0] == 0
    assert not place("cc").exists()


def test_remove_takes_one(cache, two):
    size = place("aaaa" * 8).stat().st_size
    assert json.loads(cache("remove", "aa", "--json")[1]) == {"name": "aaaa" * 8, "freed_bytes": size}
    assert [each["name"] for each in json.loads(cache("list", "--json")[1])] == ["bbbb" * 8]
    assert cache("remove", "b")[1].startswith("removed " + "bbbb" * 8)


@pytest.mark.parametrize("name", ["../aaaa", "q", "/etc/passwd"])
def test_a_name_that_is_not_listed_is_refused(cache, two, name):
    code, out, err = cache("remove", name)
    assert (code, out) == (2, "")
    assert err == f"longspan: no saved context {name!r}; see 'longspan cache list'\n"


def test_prune_keeps_what_was_used_last(cache, two):
    size = place("bbbb" * 8).stat().st_size
    gone = json.loads(cache("prune", "--max-bytes", str(size), "--json")[1])
    assert gone == {"removed": ["aaaa" * 8], "freed_bytes": size}
    assert cache("prune", "--max-bytes", "1GiB")[1] == "removed 0 contexts, 0 bytes freed\n"
    assert cache("prune", "--max-bytes", "0")[1].startswith("removed 1 contexts")


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("0", 0),
        ("17", 17),
        ("17b", 17),
        ("2GiB", 2 << 30),
        ("1.5 kB", 1500),
        ("3mib", 3 << 20),
        ("1TB", 10**12),
    ],
)
def test_sizes_are_read(text, count):
    assert read_bytes("--max-bytes", text) == count


@pytest.mark.parametrize("text", ["", "-1", "GiB", "2 GiBs", "1e9", "2,5GB", "inf"])
def test_what_is_no_size_is_refused(cache, text):
    code, _, err = cache("prune", f"--max-bytes={text}")
    assert code == 2
    assert err.startswith(f"longspan: --max-bytes={text} is not a size; write --max-bytes 2GiB")
