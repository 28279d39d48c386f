"""What was said and noted, in one SQLite file: kept exactly, closed instead of changed, erased for good."""

from __future__ import annotations

import sqlite3
import time as clock
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from longspan.errors import MemoryFileError
from longspan.memory.records import KINDS, ORIGINS, Attached, Found, Kind, Note, Origin, Role, Turn
from longspan.memory.schema import opened, unusable, writing
from longspan.memory.searching import index, search, unindex
from longspan.memory.vectors import Embeds
from longspan.parameters import check_choice

_TURN = "SELECT id, session, round, role, text, time, label FROM turns"
_NOTE = (
    "SELECT id, kind, text, subject, condition, valid_from, valid_to, origin, confidence, "
    "(SELECT group_concat(turn) FROM (SELECT turn FROM sources WHERE note = notes.id ORDER BY turn)) FROM notes"
)


class Memory:
    """A user's memory in a file. Use it as a context manager, or close it.

    Turns are kept word for word. Notes go back to turns; a new one that takes the place of an old closes it, so that
    what held before is still known. All that is written is on the disk when a call returns, whole or not at all, and
    several processes may use one file. embedder: finds by meaning besides words, where there is one. now: the clock, in
    seconds since 1970. Raises MemoryFileError for a file that cannot be used, here and in every call.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        embedder: Embeds | None = None,
        now: Callable[[], float] = clock.time,
    ) -> None:
        self.path, self.embedder, self.now = Path(path), embedder, now
        self._database = opened(self.path)

    def close(self) -> None:
        """Lets go of the file."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Turns.

    def append(
        self,
        role: Role,
        text: str,
        *,
        session: int = 1,
        round: int | None = None,
        time: float | None = None,
        label: str = "",
    ) -> Turn:
        """Keeps what somebody said. A user's words open a round; round: the one that an assistant's belong to."""
        check_choice("role", role, ("user", "assistant"))
        if (role == "user") != (round is None):
            raise ValueError(f"round={round} with role={role}; users open a round, and assistants name one")
        _check_text(text)
        with self._changing() as database:
            id = _added(
                database,
                "turns",
                session=session,
                round=round or 0,
                role=role,
                text=text,
                time=self.now() if time is None else time,
                label=label,
            )
            database.execute("UPDATE turns SET round = id WHERE id = ? AND role = 'user'", (id,))
            index(database, "turn", id, text)
        return self.turns(ids=[id])[0]

    def turns(
        self,
        *,
        session: int | None = None,
        after: int = 0,
        ids: Iterable[int] | None = None,
        rounds: Iterable[int] | None = None,
    ) -> list[Turn]:
        """Turns in their order: of a session, behind the turn with the id `after`, with given ids, of given rounds."""
        where, given = ["id > ?"], [after]
        if session is not None:
            where, given = [*where, "session = ?"], [*given, session]
        for column, wanted in (("id", ids), ("round", rounds)):
            if wanted is not None:
                known = sorted(set(wanted))
                where, given = [*where, f"{column} IN ({_marks(known)})"], [*given, *known]
        rows = self._rows(f"{_TURN} WHERE {' AND '.join(where)} ORDER BY id", given)
        return [
            Turn(**dict(zip(("id", "session", "round", "role", "text", "time", "label"), row, strict=True)))
            for row in rows
        ]

    def labelled(self, label: str) -> list[Turn]:
        """The last round that was given this name by a program: its turns, or none."""
        rows = self._rows("SELECT max(id) FROM turns WHERE label = ? AND role = 'user'", (label,))
        return self.turns(rounds=[rows[0][0]]) if rows[0][0] is not None else []

    @property
    def session(self) -> int:
        """The last session, 1 in the beginning."""
        rows = self._rows(
            "SELECT max(session) FROM (SELECT session FROM turns UNION SELECT session FROM marks)"
        )
        return rows[0][0] or 1

    def mark(self, session: int, name: str) -> int:
        """A turn's id that was kept for a session under a name, 0 for none."""
        rows = self._rows("SELECT turn FROM marks WHERE session = ? AND name = ?", (session, name))
        return rows[0][0] if rows else 0

    def set_mark(self, session: int, name: str, turn: int) -> None:
        """Keeps a turn's id for a session under a name."""
        with self._changing() as database:
            database.execute("INSERT OR REPLACE INTO marks VALUES (?, ?, ?)", (session, name, turn))

    # Notes.

    def note(
        self,
        kind: Kind,
        text: str,
        *,
        subject: str = "",
        condition: str = "",
        sources: Iterable[int] = (),
        origin: Origin = "user",
        confidence: float = 1.0,
        since: float | None = None,
        replaces: int | None = None,
    ) -> Note:
        """Notes something. replaces: the note that it updates, which ends to hold where this begins.

        Raises ValueError for an instruction that goes back to a document, and for an old note that is not there or
        holds no more.
        """
        check_choice("kind", kind, KINDS)
        check_choice("origin", origin, ORIGINS)
        if kind == "instruction" and origin == "document":
            raise ValueError("origin=document with kind=instruction; what documents say are no instructions")
        if not 0 <= confidence <= 1:
            raise ValueError(f"confidence={confidence} is outside 0 .. 1")
        for each in (text, subject, condition):
            _check_text(each)
        begins = self.now() if since is None else since
        with self._changing() as database:
            if replaces is not None:
                self._close(database, replaces, begins)
            id = _added(
                database,
                "notes",
                kind=kind,
                text=text,
                subject=subject,
                condition=condition,
                valid_from=begins,
                valid_to=None,
                origin=origin,
                confidence=confidence,
            )
            database.executemany("INSERT INTO sources VALUES (?, ?)", [(id, turn) for turn in set(sources)])
            index(database, "note", id, f"{subject}\n{condition}\n{text}")
        return self.notes(ids=[id], closed=True)[0]

    def end(self, note: int, *, at: float | None = None) -> None:
        """Says that a note holds no more. Raises ValueError where it is not there or held no more before."""
        with self._changing() as database:
            self._close(database, note, self.now() if at is None else at)

    def notes(
        self,
        *kinds: Kind,
        subject: str | None = None,
        at: float | None = None,
        closed: bool = False,
        ids: Iterable[int] | None = None,
    ) -> list[Note]:
        """Notes in their order: of some kinds, about a subject, that hold now, or held `at` a time, or all."""
        where, given = ["1"], list[Any]()
        if kinds:
            where, given = [*where, f"kind IN ({_marks(kinds)})"], [*given, *kinds]
        if subject is not None:
            where, given = [*where, "subject = ?"], [*given, subject]
        if ids is not None:
            known = sorted(set(ids))
            where, given = [*where, f"id IN ({_marks(known)})"], [*given, *known]
        if at is not None:
            where, given = (
                [*where, "valid_from <= ? AND (valid_to IS NULL OR valid_to > ?)"],
                [*given, at, at],
            )
        elif not closed:
            where = [*where, "valid_to IS NULL"]
        rows = self._rows(f"{_NOTE} WHERE {' AND '.join(where)} ORDER BY id", given)
        return [_note(row) for row in rows]

    @staticmethod
    def _close(database: sqlite3.Connection, note: int, at: float) -> None:
        done = database.execute(
            "UPDATE notes SET valid_to = max(valid_from, ?) WHERE id = ? AND valid_to IS NULL", (at, note)
        )
        if not done.rowcount:
            raise ValueError(f"note={note} is not there, or holds no more; name one of notes()")

    # Documents.

    def attach(self, name: str, text: str, *, path: str = "") -> Attached:
        """Keeps a document's text, in the place of one of the same name and path."""
        with self._changing() as database:
            database.execute("DELETE FROM documents WHERE name = ? AND path = ?", (name, path))
            id = _added(database, "documents", name=name, path=path, text=text)
        return Attached(id=id, name=name, path=path, text=text)

    def attached(self) -> list[Attached]:
        """The documents that are attached, in their order."""
        rows = self._rows("SELECT id, name, path, text FROM documents ORDER BY id", ())
        return [Attached(id=id, name=name, path=path, text=text) for id, name, path, text in rows]

    def detach(self, id: int) -> None:
        """Erases a document that was attached."""
        with self._changing() as database:
            database.execute("DELETE FROM documents WHERE id = ?", (id,))
        self._clean()

    # Searching.

    def search(
        self,
        query: str,
        *,
        limit: int = 10,
        floor: float = 0.2,
        since: float | None = None,
        until: float | None = None,
        before: int | None = None,
        kinds: Sequence[Kind] | None = ("fact",),
    ) -> list[Found]:
        """Rounds and notes that speak of a query, best first; none where nothing has evidence of `floor` or more.

        Whoever asks may write anything: nothing of it is an operator. since, until: seconds since 1970 between which it
        was said, until exclusive. before: only rounds before the one of this id. kinds: of notes that may be found and
        that lead to the rounds they go back to; notes that go back to none stand for themselves; None for no rounds
        but the notes of any kind themselves.
        """
        with self._told():
            hits = search(
                self._database,
                self.embedder,
                query,
                limit=limit,
                floor=floor,
                span=(since, until),
                before=before,
                kinds=kinds,
            )
        turns: dict[int, list[Turn]] = {}
        for turn in self.turns(rounds=[hit.id for hit in hits if hit.owner == "round"]):
            turns.setdefault(turn.round, []).append(turn)
        notes = {
            each.id: each for each in self.notes(ids=[h.id for h in hits if h.owner == "note"], closed=True)
        }
        return [
            Found(
                score=hit.score,
                evidence=hit.evidence,
                turns=tuple(turns.get(hit.id, ())) if hit.owner == "round" else (),
                note=notes.get(hit.id) if hit.owner == "note" else None,
            )
            for hit in hits
        ]

    # Forgetting.

    def erase(self, rounds: Iterable[int]) -> int:
        """Erases rounds with all notes that go back to one of them, and gives the number of turns that went.

        Nothing of them stays in the file, neither among its words nor its vectors. Raises MemoryFileError where another
        process keeps it from being cleaned; what was to go is then gone from the memory, and stays in the file until
        the next time.
        """
        gone = sorted(set(rounds))
        with self._changing() as database:
            which = f"SELECT id FROM turns WHERE round IN ({_marks(gone)})"  # noqa: S608
            turns = [id for (id,) in database.execute(which, gone)]
            notes = database.execute(
                f"SELECT DISTINCT note FROM sources WHERE turn IN ({_marks(turns)})",  # noqa: S608
                turns,
            )
            self._drop(database, "turn", turns)
            self._drop(database, "note", [id for (id,) in notes.fetchall()])
        self._clean()
        return len(turns)

    def erase_notes(self, ids: Iterable[int]) -> None:
        """Erases notes, closed ones too, as `erase` does."""
        with self._changing() as database:
            self._drop(database, "note", list(ids))
        self._clean()

    def erase_all(self) -> None:
        """Erases all there is, documents too."""
        with self._changing() as database:
            for owner in ("turn", "note"):
                every = [id for (id,) in database.execute(f"SELECT id FROM {owner}s")]  # noqa: S608
                self._drop(database, owner, every)
            database.execute("DELETE FROM documents")
            database.execute("DELETE FROM marks")
        self._clean()

    @staticmethod
    def _drop(database: sqlite3.Connection, owner: str, ids: Sequence[int]) -> None:
        for id in ids:
            unindex(database, owner, id)
            database.execute("DELETE FROM vectors WHERE owner = ? AND id = ?", (owner, id))
            database.execute(f"DELETE FROM {owner}s WHERE id = ?", (id,))  # noqa: S608

    def _clean(self) -> None:
        """Writes the file anew without what was deleted, and empties the log beside it."""
        with self._told():
            for table in ("turn_words", "note_words"):
                self._database.execute(f"INSERT INTO {table} ({table}) VALUES ('optimize')")  # noqa: S608
            self._database.execute("VACUUM")
            busy, *_ = self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise MemoryFileError(
                f"{self.path} is read by another process; end that one, and forget once more"
            )

    # The file.

    def _rows(self, query: str, given: Sequence[Any] = ()) -> list[Any]:
        with self._told():
            return self._database.execute(query, tuple(given)).fetchall()

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with self._told(), writing(self._database):
            yield self._database

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise unusable(self.path, error) from None


def _added(database: sqlite3.Connection, table: str, **row: Any) -> int:
    names = ", ".join(row)
    done = database.execute(
        f"INSERT INTO {table} ({names}) VALUES ({_marks(row)})",  # noqa: S608
        tuple(row.values()),
    )
    return int(done.lastrowid or 0)


def _note(row: Sequence[Any]) -> Note:
    names = ("id", "kind", "text", "subject", "condition", "valid_from", "valid_to", "origin", "confidence")
    *facts, sources = row
    known = tuple(int(each) for each in (sources or "").split(",") if each)
    return Note(**dict(zip(names, facts, strict=True)), sources=known)


def _marks(values: Iterable[object]) -> str:
    return ", ".join("?" for _ in values)


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"text has half of a character at {error.start:,}; write it in UTF-8") from None
