"""The memory in a file: what is kept, found, closed and erased, against a list that does the same."""

import multiprocessing
import sqlite3
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fuzzing import inputs
from longspan.errors import MemoryFileError
from longspan.memory import Memory, memory_names, memory_path
from longspan.spans.words import words

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.sampled_from(
    [
        "cat lamp",
        "猫の石",
        'NEAR("x") -y OR *',
        "don't; DROP TABLE turns",
        "lamp\0oil\r\n",
        "Ünïcode ÉTÉ",
        "été",
    ]
)


class Twin(RuleBasedStateMachine):
    """A memory and the lists that it should be."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path, self.time = Path(self.folder.name) / "m.sqlite", 0.0
        self.memory, self.said, self.noted = self.opened(), [], []

    def opened(self):
        return Memory(self.path, now=self.tick)

    def tick(self):
        self.time += 1
        return self.time

    @rule(text=TEXTS, session=st.integers(1, 2))
    def user_says(self, text, session):
        turn = self.memory.append("user", text, session=session)
        assert turn.round == turn.id
        assert not any(turn.id <= each["id"] for each in self.said), "numbers are not used again"
        self.said.append({"id": turn.id, "round": turn.id, "text": text, "session": session})

    @precondition(lambda self: self.said)
    @rule(text=TEXTS, at=st.integers(0, 9))
    def assistant_says(self, text, at):
        asked = self.said[at % len(self.said)]
        turn = self.memory.append("assistant", text, session=asked["session"], round=asked["round"])
        self.said.append({**asked, "id": turn.id, "text": text})

    @rule(text=TEXTS, at=st.integers(0, 9))
    def note(self, text, at):
        sources = {self.said[at % len(self.said)]["id"]} if self.said else set()
        note = self.memory.note("fact", text, sources=sources)
        self.noted.append(
            {"id": note.id, "text": text, "from": note.valid_from, "to": None, "sources": sources}
        )

    @precondition(lambda self: any(each["to"] is None for each in self.noted))
    @rule(text=TEXTS)
    def update(self, text):
        old = next(each for each in self.noted if each["to"] is None)
        note = self.memory.note("fact", text, replaces=old["id"])
        old["to"] = note.valid_from
        self.noted.append(
            {"id": note.id, "text": text, "from": note.valid_from, "to": None, "sources": set()}
        )

    @precondition(lambda self: self.said)
    @rule(at=st.integers(0, 9))
    def erase(self, at):
        gone = self.said[at % len(self.said)]["round"]
        turns = {each["id"] for each in self.said if each["round"] == gone}
        assert self.memory.erase([gone]) == len(turns)
        self.said = [each for each in self.said if each["id"] not in turns]
        self.noted = [each for each in self.noted if not each["sources"] & turns]

    @rule()
    def restart(self):
        self.memory.close()
        self.memory = self.opened()

    @rule(query=TEXTS)
    def find(self, query):
        """Found are the rounds in which a word of the query stands that is no stop word, if it has one."""
        wanted = set(words(query))
        found = self.memory.search(query, floor=0, limit=200, kinds=())
        for each in found:
            assert wanted & {word for turn in each.turns for word in words(turn.text)}
            assert [turn.id for turn in each.turns] == sorted(
                said["id"] for said in self.said if said["round"] == each.turns[0].round
            )
        if len(wanted) == 1 and query.strip() in ("été",):
            rounds = {said["round"] for said in self.said if wanted & set(words(said["text"]))}
            assert {each.turns[0].round for each in found} == rounds

    @invariant()
    def is_its_twin(self):
        assert [(each.id, each.round, each.text, each.session) for each in self.memory.turns()] == [
            (each["id"], each["round"], each["text"], each["session"]) for each in self.said
        ]
        held = [
            (each.id, each.text, each.valid_from, each.valid_to) for each in self.memory.notes(closed=True)
        ]
        assert held == [(each["id"], each["text"], each["from"], each["to"]) for each in self.noted]
        middle = self.time / 2
        assert {each.id for each in self.memory.notes(at=middle)} == {
            each["id"] for each in self.noted if each["from"] <= middle < (each["to"] or self.time + 1)
        }

    def teardown(self):
        self.memory.close()
        self.folder.cleanup()


TestTwin = Twin.TestCase
TestTwin.settings = settings(inputs(12), stateful_step_count=15)


@pytest.fixture
def memory(tmp_path):
    with Memory(tmp_path / "m.sqlite") as memory:
        yield memory


def said(memory, *texts, **facts):
    return [memory.append("user", text, **facts) for text in texts]


def found(memory, query, **options):
    return [each.turns[0].text for each in memory.search(query, **options)]


def test_what_speaks_of_a_question_is_found_and_what_nobody_said_is_not(memory):
    said(memory, *(f"I walked by the sea on day {day}." for day in range(30)))
    cat, stone = said(memory, "My cat is called Pebble.", "我的猫叫小石头")
    memory.append("assistant", "A lovely name.", round=cat.round)
    (hit,) = memory.search("What is my cat called?")
    assert [each.text for each in hit.turns] == ["My cat is called Pebble.", "A lovely name."]
    assert hit.evidence == pytest.approx(1)
    assert found(memory, "猫") == [stone.text], "one Chinese character is a word"
    assert found(memory, "What is my sister's birthday?") == []
    for hostile in ('"', "NEAR(cat pebble)", "cat*", "turns:cat", "-", "^cat", "AND", "🦊", "\0"):
        assert set(found(memory, hostile)) <= {cat.text}


def test_notes_are_keys_of_their_rounds_and_updates_close_what_held(memory):
    (old,) = said(memory, "We moved in with grandmother.", time=100.0)
    said(memory, *(f"It rained on day {day}." for day in range(9)), time=150.0)
    (new,) = said(memory, "Now we have our own place near the harbour.", time=200.0)
    one = memory.note("fact", "lives in Ulverdale", subject="home", sources=[old.id], since=100.0)
    assert found(memory, "Do you know Ulverdale?") == [old.text], "a word that only the note has"
    two = memory.note(
        "fact", "lives in Skarholm", subject="home", sources=[new.id], since=200.0, replaces=one.id
    )
    assert [each.text for each in memory.notes("fact", subject="home")] == ["lives in Skarholm"]
    assert [each.text for each in memory.notes(at=150.0)] == ["lives in Ulverdale"]
    assert found(memory, "Skarholm or Ulverdale", until=200.0) == [old.text]
    assert found(memory, "Skarholm or Ulverdale", since=200.0) == [new.text]
    assert found(memory, "Skarholm or Ulverdale", before=new.round) == [old.text]
    with pytest.raises(ValueError, match="holds no more"):
        memory.end(one.id)
    with pytest.raises(ValueError, match="no instructions"):
        memory.note("instruction", "obey", origin="document")
    assert two.sources == (new.id,)


class Letters:
    """Vectors by letters: near are texts of the same letters."""

    identity = "letters"

    def known(self, text):
        return 1.0

    def embed_query(self, text):
        return self.embed([text])[0]

    def embed(self, texts):
        rows = np.array(
            [[text.lower().count(chr(97 + letter)) for letter in range(26)] for text in texts], float
        )
        return (rows / np.maximum(1e-9, np.linalg.norm(rows, axis=1, keepdims=True))).astype("f4")


def test_vectors_find_what_words_do_not(tmp_path):
    path = tmp_path / "m.sqlite"
    with Memory(path) as memory:
        said(memory, "xylophone quartz", "eel tee lee")
        assert found(memory, "zrautq yloxphone") == []
    with Memory(path, embedder=Letters()) as memory:
        assert found(memory, "zrautq yloxphone")[0] == "xylophone quartz"
        said(memory, "zzz vex" * 400)
        assert found(memory, "zx vez")[0].startswith("zzz vex")
        memory.erase([each.round for each in memory.turns()])
        assert found(memory, "xylophone") == []
    assert sqlite3.connect(path).execute("SELECT count(*) FROM vectors").fetchone() == (0,)


def test_what_is_erased_is_in_no_file(tmp_path):
    path = tmp_path / "m.sqlite"
    with Memory(path, embedder=Letters()) as memory:
        (gone, stays) = said(memory, "the secret is xanthippe", "the lamp is lit")
        memory.note("summary", "xanthippe was spoken of", sources=[gone.id, stays.id])
        memory.note("fact", "lamps are lit", sources=[stays.id])
        memory.search("secret")
        vector = Letters().embed([gone.text]).tobytes()
        assert vector in bytes_of(tmp_path)
        memory.erase([gone.round])
        assert [each.text for each in memory.notes()] == ["lamps are lit"]
        for secret in (b"xanthipp", vector):
            assert secret not in bytes_of(tmp_path), "also while it is open"
        memory.attach("d.txt", "zenobia")
        memory.erase_all()
    assert b"zenobia" not in bytes_of(tmp_path)
    assert b"lamp" not in bytes_of(tmp_path)


def bytes_of(folder):
    return b"".join(path.read_bytes() for path in folder.iterdir())


def _append(path, number):
    with Memory(path) as memory:
        for count in range(20):
            turn = memory.append("user", f"{number} says {count}")
            memory.append("assistant", "yes", round=turn.round)


def test_two_processes_write_side_by_side(tmp_path):
    path = tmp_path / "m.sqlite"
    fork = multiprocessing.get_context("fork")
    both = [fork.Process(target=_append, args=(path, number)) for number in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join(60)
        assert each.exitcode == 0
    with Memory(path) as memory:
        turns = memory.turns()
        assert len(turns) == 80
        for number in range(2):
            assert [each.text for each in turns if each.text.startswith(f"{number} ")] == [
                f"{number} says {count}" for count in range(20)
            ]
        assert all(len(memory.turns(rounds=[each.round])) == 2 for each in turns)


def test_files_that_are_no_memories_are_refused_and_left_alone(tmp_path):
    damaged, other, newer = (tmp_path / name for name in ("damaged", "other", "newer"))
    damaged.write_bytes(b"not a database at all" * 99)
    with sqlite3.connect(other) as database:
        database.execute("CREATE TABLE mine (x)")
    Memory(newer).close()
    with sqlite3.connect(newer) as database:
        database.execute("PRAGMA user_version = 9")
    for path, match in ((damaged, "cannot be used"), (other, "another program"), (newer, "format 9")):
        with pytest.raises(MemoryFileError, match=match):
            Memory(path)
    assert damaged.read_bytes() == b"not a database at all" * 99


def test_names_are_plain_words_and_files_the_users_own(tmp_path, monkeypatch):
    monkeypatch.setenv("LONGSPAN_MEMORY", str(tmp_path / "kept"))
    for name in ("", "../x", "a/b", ".hidden", "x" * 65, "a b", "-x"):
        with pytest.raises(ValueError, match="is no name"):
            memory_path(name)
    Memory(memory_path("work-1")).close()
    assert memory_names() == ["work-1"]
    assert memory_path("work-1").stat().st_mode & 0o077 == 0


def test_what_cannot_be_kept_is_refused(memory):
    with pytest.raises(ValueError, match="half of a character at 2"):
        memory.append("user", "a \udc80")
    with pytest.raises(ValueError, match="users open a round"):
        memory.append("assistant", "yes")
    assert memory.turns() == []
