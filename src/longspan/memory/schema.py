"""The tables of a memory, and how its file is opened."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from longspan.errors import MemoryFileError
from longspan.memory.folder import prepare

VERSION = 1
_OURS = 0x4C53504D
"""What SQLite keeps as the application's id."""
_PATIENCE = 30.0  # seconds to wait for another process that writes

_TABLES = f"""
CREATE TABLE turns (
    id INTEGER PRIMARY KEY AUTOINCREMENT, session INTEGER NOT NULL, round INTEGER NOT NULL, role TEXT NOT NULL,
    text TEXT NOT NULL, time REAL NOT NULL, label TEXT NOT NULL
);
CREATE INDEX turns_by_round ON turns (round);
CREATE INDEX turns_by_session ON turns (session, id);
CREATE INDEX turns_by_label ON turns (label) WHERE label != '';
CREATE TABLE notes (
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, text TEXT NOT NULL, subject TEXT NOT NULL,
    condition TEXT NOT NULL, valid_from REAL NOT NULL, valid_to REAL, origin TEXT NOT NULL, confidence REAL NOT NULL
);
CREATE INDEX notes_by_kind ON notes (kind, subject);
CREATE TABLE sources (
    note INTEGER NOT NULL REFERENCES notes ON DELETE CASCADE, turn INTEGER NOT NULL, PRIMARY KEY (note, turn)
) WITHOUT ROWID;
CREATE INDEX sources_by_turn ON sources (turn);
CREATE TABLE vectors (
    owner TEXT NOT NULL, id INTEGER NOT NULL, part INTEGER NOT NULL, embedder TEXT NOT NULL, vector BLOB NOT NULL,
    PRIMARY KEY (embedder, owner, id, part)
) WITHOUT ROWID;
CREATE TABLE documents (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, path TEXT NOT NULL, text TEXT NOT NULL
);
CREATE TABLE marks (session INTEGER NOT NULL, name TEXT NOT NULL, turn INTEGER NOT NULL, PRIMARY KEY (session, name));
CREATE VIRTUAL TABLE turn_words USING fts5 (words);
CREATE VIRTUAL TABLE note_words USING fts5 (words);
PRAGMA application_id = {_OURS};
PRAGMA user_version = {VERSION};
"""


def opened(path: Path) -> sqlite3.Connection:
    """A connection to a memory's file, which is made if it is not there. Raises MemoryFileError."""
    prepare(path)
    connection = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA foreign_keys = ON")
        with writing(connection):
            _prepare(connection, path)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise unusable(path, error) from None
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[None]:
    """A change that is made whole or not at all, one process at a time."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def unusable(path: Path, error: sqlite3.DatabaseError) -> MemoryFileError:
    """What SQLite says, in a line with what to do."""
    if "locked" in str(error):
        return MemoryFileError(f"{path} is in use by another process; end that one, or try again")
    return MemoryFileError(
        f"{path} cannot be used as a memory ({error}); restore a copy, or take another name"
    )


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if not tables and not version and not owner:
        for statement in _TABLES.split(";"):
            if statement.strip():
                connection.execute(statement)
    elif owner != _OURS:
        raise MemoryFileError(f"{path} is another program's database; take another name")
    elif version != VERSION:
        raise MemoryFileError(
            f"{path} is of format {version}, this version of longspan reads {VERSION}; use the one that made it"
        )
