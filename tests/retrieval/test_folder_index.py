"""An index of a folder: what is read and computed again, what survives, and what is found."""

import multiprocessing
import os
import random
import signal
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from encoders import Thesaurus

from longspan import parts, registry
from longspan.cache_folder import cache_folder
from longspan.cli import main
from longspan.errors import DocumentError, FolderIndexError
from longspan.flows.passages import choose
from longspan.loading import digest
from longspan.notation import parse_call
from longspan.retrieval import updating
from longspan.retrieval.folder import FolderIndex, entries, index_of, remove
from longspan.retrieval.judge import Judge
from longspan.retrieval.kept import opened
from longspan.retrieval.retrievers.bm25 import Bm25
from longspan.spans import Document

KILLS = int(os.environ.get("LONGSPAN_KILLS", "5"))
"""How often a process that makes an index is killed."""


@dataclass(frozen=True, kw_only=True)
class Watched(Thesaurus):
    """Writes down what it embeds, a text a line, and takes a while."""

    log: str = ""
    pause: float = 0.0

    @property
    def identity(self) -> str:
        return "watched"

    def embed(self, texts, progress=None) -> np.ndarray:
        time.sleep(self.pause)
        with open(self.log or os.devnull, "a", encoding="utf-8") as file:
            file.writelines(f"{text!r}\n" for text in texts)
        return super().embed(texts)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("LONGSPAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(registry, "_added", {room: {} for room in registry.ROOMS})
    facts = {
        "paper": "A toy",
        "link": "https://example.org",
        "year": 2026,
        "training": False,
        "changes": "All.",
    }
    registry.register("embedder", registry.Card(name="toy", target=f"{__name__}:Watched", **facts))
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path) -> Path:
    """Five notes, of which one lies deeper."""
    place = tmp_path / "notes"
    (place / "deep").mkdir(parents=True)
    for number in range(4):
        lines = [f"Line {line} of note {number} is about w{number}x{line}." for line in range(30)]
        (place / f"note{number}.md").write_text("\n".join(lines), encoding="utf-8")
    (place / "deep" / "doctor.txt").write_text("The physician kept the letter.\n\nNobody saw the car.")
    return place


def dense(log: Path | str = "", pause: float = 0.0, name: str = "dense"):
    given = f'embedder=toy(log="{log}",pause={pause})'
    return parts.build("retriever", parse_call(f"{name}({given})"))


def embedded(log: Path) -> list[str]:
    return log.read_text("utf-8").splitlines() if log.exists() else []


def test_a_folder_is_searched_by_words_and_by_meaning(folder, tmp_path):
    by_words = FolderIndex(folder, Bm25(), size=200)
    done = by_words.update()
    assert (done.read, done.unchanged, done.gone, done.failed) == (5, 0, 0, {})
    (hit, *_) = by_words.search("What is w2x17 about?", k=3)
    assert (hit.path, hit.span.document.name) == ("note2.md", "note2.md")
    assert hit.place.startswith("note2.md, line ")
    assert "w2x17" in hit.span.text
    assert hit.span.document.text == Document.open(folder / "note2.md").text
    assert by_words.search("xylophone") == []
    with pytest.raises(FolderIndexError, match=r"not indexed for dense.*run 'longspan index'"):
        FolderIndex(folder, dense()).search("doctor")
    by_meaning = FolderIndex(folder, dense(), size=200)
    by_meaning.update()
    assert by_meaning.search("Which doctor has a note?", k=1)[0].path == "deep/doctor.txt"
    assert index_of(folder).search("Which doctor has a note?", k=1)[0].path == "deep/doctor.txt"
    assert sorted(each.name for each in by_meaning.documents)[0] == "deep/doctor.txt"


def test_only_what_changed_is_read_and_computed_again(folder, tmp_path, monkeypatch):
    log, opened_files = tmp_path / "log", []
    monkeypatch.setattr(
        updating.Document,
        "open",
        lambda path, real=Document.open: opened_files.append(path.name) or real(path),
    )
    index = FolderIndex(folder, dense(log), size=200)
    first = index.update()
    assert len(embedded(log)) == len(set(embedded(log))) == first.encoded == first.passages
    opened_files.clear()
    again = index.update()
    assert (again.read, again.unchanged, again.encoded, opened_files) == (0, 5, 0, [])
    text = (folder / "note1.md").read_text()
    (folder / "note1.md").write_text(text + "\nAn automobile came.")
    (folder / "note3.md").unlink()
    (folder / "copy.md").write_text((folder / "note0.md").read_text())
    done = index.update()
    assert (done.read, done.unchanged, done.gone) == (2, 3, 1)
    assert sorted(opened_files) == ["copy.md", "note1.md"]
    assert done.encoded <= 2, "the same text has its vector already"
    assert index.search("car", k=1)[0].path in ("note1.md", "deep/doctor.txt")
    assert {hit.path for hit in index.search("w3x3", k=99)} == {
        "note0.md",
        "note1.md",
        "note2.md",
        "copy.md",
        "deep/doctor.txt",
    }
    with opened(index.path) as kept:
        keys = {each.key for each in kept.passages()}
        assert set(kept.rows(keys)) == keys
        held = sqlite3.connect(index.path).execute("SELECT count(*) FROM rows").fetchone()[0]
        assert held == len(keys), "what no passage needs is gone"


def test_a_change_that_leaves_size_and_time_is_seen(folder, monkeypatch):
    index = FolderIndex(folder, Bm25())
    index.update()
    path = folder / "deep" / "doctor.txt"
    facts = path.stat()
    path.write_text(path.read_text().replace("letter", "lantern")[: facts.st_size].ljust(facts.st_size))
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert index.update().read == 1
    assert index.search("lantern")[0].path == "deep/doctor.txt"
    read = []
    monkeypatch.setattr(updating, "QUIET", -1)
    index.update()
    monkeypatch.setattr(updating, "file_digest", lambda path: read.append(path) or digest.file_digest(path))
    index.update()
    assert read == [], "files that have been quiet are not even read"


def test_other_settings_read_anew_and_say_so_until_done(folder, tmp_path):
    log = tmp_path / "log"
    index = FolderIndex(folder, dense(log), size=200)
    index.update()
    count = len(embedded(log))
    smaller = FolderIndex(folder, dense(log), size=100)
    with opened(index.path) as kept:
        kept.note(version="")
    with pytest.raises(FolderIndexError, match="not indexed for dense"):
        index.search("car")
    assert [each.problem for each in entries()] == ["not finished"]
    assert smaller.update().read == 5
    assert len(embedded(log)) > count
    assert index_of(folder).size == 100


def test_files_that_cannot_be_read_are_told_and_do_not_stop_the_others(folder):
    (folder / "bad.pdf").write_bytes(b"%PDF-1.4 broken")
    (folder / "big.md").write_text("我" * 5000 + "🙂" * 50)
    done = FolderIndex(folder, Bm25()).update()
    assert set(done.failed) == {"bad.pdf"}
    assert "bad.pdf" in done.failed["bad.pdf"]
    index = index_of(folder)
    text = "".join(hit.span.text for hit in sorted(index.search("我", k=99), key=lambda hit: hit.span.start))
    assert text.startswith("我" * 5000)
    empty = folder.parent / "empty"
    empty.mkdir()
    with pytest.raises(DocumentError, match="folder without files"):
        FolderIndex(empty, Bm25()).update()
    with pytest.raises(FolderIndexError, match="has no index; make one"):
        FolderIndex(empty, Bm25()).search("a")


def test_names_that_are_no_utf8_are_indexed(folder):
    try:
        (folder / os.fsdecode(b"caf\xe9.txt")).write_text("a zebra")
    except OSError:
        pytest.skip("this disk takes no such names")
    index = FolderIndex(folder, Bm25())
    index.update()
    assert index.search("zebra")[0].path == "caf\\udce9.txt"
    other = folder.rename(folder.parent / os.fsdecode(b"f\xfcr"))
    FolderIndex(other, Bm25()).update()
    assert index_of(other).search("zebra \ud800")[0].path == "caf\\udce9.txt"
    assert entries()[0].folder.endswith("f\\udcfcr")


def test_what_a_model_said_is_asked_once(folder):
    asked = []

    def ask(prompts, tokens):
        asked.extend(prompts)
        return [f"Who saw zebra {len(prompt)}?" for prompt in prompts]

    judge = Judge(ask=ask, identity=lambda: "a judge")
    index = FolderIndex(folder, dense(name="usage"))
    with pytest.raises(ValueError, match="model is not given; usage"):
        index.update()
    index.update(judge)
    count = len(asked)
    assert count == index.update(judge).passages
    (folder / "note0.md").write_text("New.")
    index.update(judge)
    assert len(asked) == count + 1
    assert index.search("zebra", k=1)[0].span.text


def test_a_flow_may_rank_by_it(folder):
    index = FolderIndex(folder, Bm25(), size=100)
    index.update()
    documents = [Document.open(path) for path in sorted(folder.glob("*.md"))]
    chosen = choose(
        documents, "What is w2x17 about?", 60, lambda text: len(text.split()), ranked=index.ranked
    )
    assert "w2x17" in "".join(span.text for span in chosen.spans)


def test_a_damaged_index_is_told_and_can_be_removed(folder):
    index = FolderIndex(folder, Bm25())
    index.update()
    index.path.write_bytes(b"no database" * 1000)
    for act in (index.update, lambda: index.search("a"), lambda: index_of(folder)):
        with pytest.raises(FolderIndexError, match=r"is damaged .*; remove it, and index its folder"):
            act()
    assert ["damaged" in each.problem for each in entries()] == [True]
    assert remove(folder) == 11_000
    assert (index_of(folder), entries()) == (None, [])
    index.update()
    assert index.search("letter")
    with pytest.raises(FolderIndexError, match="has no index"):
        remove(folder / "deep")


def _update(folder: Path, log: Path, pause: float) -> None:
    FolderIndex(folder, dense(log, pause), size=60).update()
    os._exit(0)


def test_facts_are_kept_together_or_not_at_all(tmp_path):
    with opened(tmp_path / "facts.index") as kept:
        kept.prepare()
        with pytest.raises(FolderIndexError):
            kept.note(retriever="bm25", size=object())
        assert kept.fact("retriever") == ""


def test_two_processes_make_one_index(folder, tmp_path):
    log, fork = tmp_path / "log", multiprocessing.get_context("fork")
    both = [fork.Process(target=_update, args=(folder, log, 0.005)) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert [each.exitcode for each in both] == [0, 0]
    assert len(embedded(log)) == len(set(embedded(log)))
    assert index_of(folder).search("doctor", k=1)[0].path == "deep/doctor.txt"


def test_killed_at_any_moment_it_goes_on_and_computes_nothing_twice(folder, tmp_path):
    log, fork, draws = tmp_path / "log", multiprocessing.get_context("fork"), random.Random(7)
    index = FolderIndex(folder, dense(log, 0.02), size=60)
    whole = FolderIndex(folder, dense(), size=60)
    finished, killed = 0, 0
    while killed < KILLS:
        before = len(embedded(log))
        kept_before = kept_texts(index)
        child = fork.Process(target=_update, args=(folder, log, 0.02))
        child.start()
        child.join(draws.uniform(0.0, 0.12))
        if child.exitcode is None:
            os.kill(child.pid, signal.SIGKILL)
            killed += 1
        child.join()
        assert child.exitcode in (0, -signal.SIGKILL)
        new = {eval(line) for line in embedded(log)[before:] if line.endswith(("'", '"'))}  # noqa: S307 - our own
        assert not new & kept_before, "what was computed and written is not computed again"
        if index.path.exists():
            assert sqlite3.connect(index.path).execute("PRAGMA integrity_check").fetchone() == ("ok",)
            finished += bool(entries() and not entries()[0].problem)
        if child.exitcode == 0:  # done before it was killed: something new to do
            number = draws.randrange(4)
            (folder / f"note{number}.md").write_text(
                "\n".join(f"Line {line} is w{draws.random()}." for line in range(30))
            )
    index.update()
    found = index.search("doctor", k=999)
    whole.update()
    assert found == whole.search("doctor", k=999)
    assert {each.path for each in found} == {p.relative_to(folder).as_posix() for p in folder.rglob("*.*")}


def kept_texts(index: FolderIndex) -> set[str]:
    """The texts whose rows are written, whether or not their file is done."""
    if not index.path.exists():
        return set()
    held = {key for (key,) in rows_of(index.path)}
    texts = [
        span.text
        for path in index.folder.rglob("*.*")
        for span in updating.passages(Document.open(path), 60, len)
    ]
    return {text for text in texts if updating._digest(index.retriever.identity, [text]) in held}


def rows_of(path: Path) -> list[tuple[str]]:
    try:
        return sqlite3.connect(path).execute("SELECT key FROM rows").fetchall()
    except sqlite3.OperationalError:  # killed before there were tables
        return []


def test_the_commands(folder, monkeypatch, capsys):
    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["longspan", *words])
        with pytest.raises(SystemExit) as left:
            main()
        return left.value.code, *capsys.readouterr()

    assert "has no index; make one with 'longspan index" in run("search", str(folder), "letter")[2]
    code, said, _ = run("index", str(folder), "--retriever", "bm25")
    assert (code, "5 files read, 0 unchanged" in said) == (0, True)
    code, said, _ = run("search", str(folder), "NEAR(letter*) -who", "--top", "1")
    assert said.startswith("deep/doctor.txt, line 1  (")
    (folder / "new.md").write_text("A zebra.")
    assert '"place": "new.md, line 1"' in run("search", str(folder), "zebra", "--json")[1]
    assert "nothing speaks of this" in run("search", str(folder), "okapi")[1]
    listed = run("index", "--list")[1]
    assert str(folder) in listed
    assert "bm25" in listed
    assert f'"bytes": {entries()[0].bytes}' in run("index", "--list", "--json")[1]
    assert "removed the index" in run("index", str(folder), "--remove")[1]
    assert "no folder is given" in run("index")[2]
    assert "is no folder" in run("index", str(folder / "note0.md"))[2]
    assert run("search", str(folder), "a", "--top", "0")[0] == 2
    assert not list((cache_folder() / "indexes").glob("*.sqlite*"))
