"""What is known of a folder, in one SQLite file: files, their passages, and what was computed of these.

Whatever is written is written in a transaction, so that a process that is killed at any moment leaves the file as it
was before or after. Vectors go by what they were computed of, so that what is computed once is never computed again.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from longspan.errors import FolderIndexError
from longspan.retrieval.retrievers.base import Rows

FORMAT = 1
"""Of the tables; a file of another format is made anew."""

Stamp: TypeAlias = tuple[int, int, int, int]
"""Size, inode, and the times of change in nanoseconds: of the content, of what the system knows of the file."""

_TABLES = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE files (path TEXT PRIMARY KEY, digest TEXT NOT NULL, stamp TEXT NOT NULL, settings TEXT NOT NULL,
    problem TEXT NOT NULL, notes TEXT NOT NULL);
CREATE TABLE passages (path TEXT NOT NULL, number INTEGER NOT NULL, text BLOB NOT NULL, place TEXT NOT NULL,
    said TEXT, key TEXT NOT NULL, PRIMARY KEY (path, number));
CREATE TABLE rows (key TEXT PRIMARY KEY, count INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE replies (key TEXT PRIMARY KEY, said TEXT NOT NULL);
"""
_WAIT = 60.0
"""Seconds to wait for another process that writes."""


@dataclass(frozen=True, kw_only=True)
class KeptFile:
    """A file that was read, under some settings. path: in the folder. problem: why nothing of it is there, or empty."""

    path: str
    digest: str
    stamp: Stamp
    settings: str
    problem: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class KeptPassage:
    """A passage of a file; those of one file, joined, are its text.

    place: where it stands, for people. said: what stands for it, None for its own text. key: of its rows.
    """

    path: str
    text: str
    place: str
    said: tuple[str, ...] | None
    key: str


class Kept:
    """An open index file. Raises FolderIndexError for one that is damaged or cannot be used, with the next step."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._told():
            self._base = sqlite3.connect(path, timeout=_WAIT, isolation_level=None)
            self._base.execute("PRAGMA synchronous = FULL")

    @property
    def ready(self) -> bool:
        """Whether it has this format's tables."""
        with self._told():
            return bool(self._base.execute("PRAGMA user_version").fetchone()[0] == FORMAT)

    def prepare(self) -> None:
        """Makes the tables, in the place of those of another format."""
        with self._told(), self.writing():
            for (name,) in self._base.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table'"
            ).fetchall():
                self._base.execute(f'DROP TABLE "{name}"')
            for each in _TABLES.split(";"):
                self._base.execute(each)
            self._base.execute(f"PRAGMA user_version = {FORMAT}")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """All that is written in the block is there when it ends well, and nothing of it when not."""
        with self._told():
            self._base.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._base.execute("ROLLBACK")
                raise
            self._base.execute("COMMIT")

    @contextmanager
    def reading(self) -> Iterator[None]:
        """All that is read in the block is of one moment."""
        with self._told():
            self._base.execute("BEGIN")
            try:
                yield
            finally:
                self._base.execute("ROLLBACK")

    def fact(self, name: str) -> str:
        """A fact, empty if there is none."""
        with self._told():
            found = self._base.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return str(found[0]) if found else ""

    def note(self, **facts: str) -> None:
        """Puts facts in the place of those with the same names, all of them or none."""
        with self.writing():
            self._base.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts.items())

    def files(self) -> dict[str, KeptFile]:
        """All files by their paths."""
        with self._told():
            found = self._base.execute("SELECT path, digest, stamp, settings, problem, notes FROM files")
            return {
                path: KeptFile(
                    path=path,
                    digest=digest,
                    stamp=_stamp(stamp),
                    settings=settings,
                    problem=problem,
                    notes=tuple(json.loads(notes)),
                )
                for path, digest, stamp, settings, problem, notes in found
            }

    def counts(self) -> tuple[int, int]:
        """How many files and passages there are."""
        asked = "SELECT (SELECT count(*) FROM files WHERE problem = ''), (SELECT count(*) FROM passages)"
        with self._told():
            files, passages = self._base.execute(asked).fetchone()
        return files, passages

    def passages(self) -> list[KeptPassage]:
        """All passages, those of a file in their order."""
        asked = "SELECT path, text, place, said, key FROM passages ORDER BY path, number"
        with self._told():
            return [
                KeptPassage(
                    path=path,
                    text=text.decode("utf-8", "surrogatepass"),
                    place=place,
                    said=said and tuple(json.loads(said)),
                    key=key,
                )
                for path, text, place, said, key in self._base.execute(asked)
            ]

    def rows(self, keys: Iterable[str]) -> dict[str, Rows]:
        """What was computed under keys, as far as it is there."""
        wanted, found = list(dict.fromkeys(keys)), {}
        with self._told():
            for start in range(0, len(wanted), 500):
                some = wanted[start : start + 500]
                marks = ",".join("?" * len(some))
                for key, count, data in self._base.execute(
                    f"SELECT key, count, data FROM rows WHERE key IN ({marks})",  # noqa: S608 - only marks
                    some,
                ):
                    found[key] = np.frombuffer(data, np.float32).reshape(count, -1 if count else 0)
        return found

    def keep_rows(self, rows: dict[str, Rows]) -> None:
        """Writes what was computed."""
        with self.writing():
            self._base.executemany(
                "INSERT OR REPLACE INTO rows VALUES (?, ?, ?)",
                [
                    (key, len(each), np.ascontiguousarray(each, np.float32).tobytes())
                    for key, each in rows.items()
                ],
            )

    def replies(self, keys: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """What a model said under keys, as far as it is there."""
        with self._told():
            asked = "SELECT said FROM replies WHERE key = ?"
            found = {key: self._base.execute(asked, (key,)).fetchone() for key in keys}
            return {key: tuple(json.loads(said[0])) for key, said in found.items() if said}

    def keep_replies(self, replies: Mapping[str, Sequence[str]]) -> None:
        """Writes what a model said."""
        with self.writing():
            self._base.executemany(
                "INSERT OR REPLACE INTO replies VALUES (?, ?)",
                [(key, json.dumps(list(said))) for key, said in replies.items()],
            )

    def put(self, file: KeptFile, passages: Sequence[KeptPassage] | None) -> None:
        """Puts a file with its passages in the place of what was known of it; None leaves the passages."""
        with self.writing():
            self._base.execute(
                "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?)",
                (
                    file.path,
                    file.digest,
                    json.dumps(file.stamp),
                    file.settings,
                    file.problem,
                    json.dumps(file.notes),
                ),
            )
            if passages is None:
                return
            self._base.execute("DELETE FROM passages WHERE path = ?", (file.path,))
            self._base.executemany(
                "INSERT INTO passages VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (
                        each.path,
                        number,
                        each.text.encode("utf-8", "surrogatepass"),
                        each.place,
                        each.said and json.dumps(each.said),
                        each.key,
                    )
                    for number, each in enumerate(passages)
                ],
            )

    def forget(self, paths: Iterable[str]) -> None:
        """Files that are there no more; and what no passage needs, such as rows of what a file once said."""
        gone = [(path,) for path in paths]
        with self.writing():
            self._base.executemany("DELETE FROM files WHERE path = ?", gone)
            self._base.executemany("DELETE FROM passages WHERE path = ?", gone)
            self._base.execute("DELETE FROM rows WHERE key NOT IN (SELECT key FROM passages)")

    def close(self) -> None:
        """Gives the file back."""
        self._base.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise FolderIndexError(
                f"{self.path} cannot be used ({error}); check its folder's rights and space, or set LONGSPAN_CACHE"
            ) from None
        except sqlite3.Error as error:
            raise FolderIndexError(
                f"{self.path} is damaged ({error}); remove it, and index its folder again"
            ) from None


@contextmanager
def opened(path: Path) -> Iterator[Kept]:
    """An index file for the time of a block."""
    with closing(Kept(path)) as kept:
        yield kept


def _stamp(text: str) -> Stamp:
    size, inode, modified, changed = json.loads(text)
    return size, inode, modified, changed
