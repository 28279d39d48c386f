"""Responses that are kept, within a limit of bytes."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from longspan.errors import ContextError
from longspan.parameters import check_range
from longspan.serving.refused import Refused
from longspan.serving.responses.items import Item, Placed

_FILE = "responses.sqlite"
_TABLE = """
CREATE TABLE IF NOT EXISTS responses (
    id TEXT PRIMARY KEY, owner TEXT, previous TEXT, response TEXT, input TEXT, bytes INTEGER, used INTEGER,
    hidden INTEGER
);
CREATE INDEX IF NOT EXISTS by_previous ON responses (previous);
CREATE INDEX IF NOT EXISTS by_use ON responses (used);
"""
_LEAF = "NOT EXISTS (SELECT 1 FROM responses child WHERE child.previous = responses.id)"


@dataclass(frozen=True)
class _Row:
    """What is kept of a response. told, given: itself and its input, as JSON."""

    id: str
    previous: str | None
    told: str
    given: str
    hidden: int

    def items(self, *, output: bool) -> list[Placed]:
        """Of its input, and its output."""
        items = [*json.loads(self.given), *(json.loads(self.told)["output"] if output else ())]
        return [Placed(item=each, where=f"{self.id}[{number}]") for number, each in enumerate(items)]


class Store:
    """Responses with their inputs, in a folder, or in memory where none is given.

    Each belongs to an owner, for whom alone it is there. A response keeps those from which it went on, even where these
    are deleted and no longer shown. limit: bytes; those used least lately go first, from the ends of their chains. Any
    thread may call. Raises ContextError where the folder cannot be used.
    """

    def __init__(self, folder: Path | None = None, limit: int = 2**28) -> None:
        check_range("limit", limit, 1)
        self._limit, self._lock = limit, threading.Lock()
        try:
            self._base = sqlite3.connect(_place(folder), check_same_thread=False, isolation_level=None)
            self._base.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + _TABLE)
            self._bytes = self._one("SELECT coalesce(sum(bytes), 0) FROM responses")
            self._clock = self._one("SELECT coalesce(max(used), 0) FROM responses")
        except (sqlite3.Error, OSError) as error:
            raise ContextError(
                f"responses in {folder} cannot be used ({error}); delete {_FILE} there, or give another folder"
            ) from None

    @property
    def bytes(self) -> int:
        """Of what is kept."""
        return int(self._bytes)

    def keep(self, owner: str, response: dict[str, Any], items: Sequence[Item], previous: str | None) -> str:
        """Takes a response in, with the items of its input. What went wrong, "" where nothing did."""
        told, given = json.dumps(response), json.dumps(list(items))
        size = len(told) + len(given)
        if size > self._limit:
            return f"it has {size:,} bytes, and all responses may have {self._limit:,}"
        try:
            with self._lock:
                self._clock += 1
                self._base.execute(
                    "INSERT OR REPLACE INTO responses VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
                    (response["id"], owner, previous, told, given, size, self._clock),
                )
                self._bytes += size
                self._make_room(response["id"])
        except sqlite3.Error as error:
            return f"the disk does not take it ({error})"
        return ""

    def response(self, owner: str, name: str) -> dict[str, Any]:
        """One response. Raises Refused where this owner has none of that name."""
        with self._lock:
            row = self._row(owner, name)
        if row is None or row.hidden:
            raise missing(name)
        return dict(json.loads(row.told))

    def before(self, owner: str, name: str) -> list[Placed]:
        """The items of a response and of all that it goes on from: each one's input, then its output.

        Raises Refused where one is missing, since nothing may be left out unsaid.
        """
        with self._lock:
            rows = self._chain(owner, name)
            if not rows or rows[-1].hidden:
                raise unknown_previous(name)
            with suppress(sqlite3.Error):  # a full disk changes the order alone
                for each in rows:
                    self._clock += 1
                    self._base.execute("UPDATE responses SET used = ? WHERE id = ?", (self._clock, each.id))
        _check_ended(name, json.loads(rows[-1].told))
        return [each for row in rows for each in row.items(output=True)]

    def inputs(self, owner: str, name: str) -> list[Item]:
        """All items that a response answers. Raises Refused as `response`."""
        with self._lock:
            rows = self._chain(owner, name)
        if not rows or rows[-1].hidden:
            raise missing(name)
        *before, last = rows
        found = [each for row in before for each in row.items(output=True)]
        return [each.item for each in (*found, *last.items(output=False))]

    def delete(self, owner: str, name: str) -> None:
        """Shows a response no longer. Raises Refused as `response`."""
        self.response(owner, name)
        try:
            with self._lock:
                self._base.execute("UPDATE responses SET hidden = 1 WHERE id = ?", (name,))
                while self._remove(f"hidden = 1 AND {_LEAF}"):
                    pass
        except sqlite3.Error as error:
            raise Refused(
                f"the response cannot be deleted ({error}); try again later",
                kind="overloaded",
                code="disk_full",
                retry_after=60,
            ) from None

    def close(self) -> None:
        """No more is kept."""
        with self._lock:
            self._base.close()

    def _make_room(self, kept: str) -> None:
        while self._bytes > self._limit and self._remove(f"id != ? AND {_LEAF}", kept):
            pass

    def _remove(self, which: str, *values: str) -> bool:
        """Removes the one that was used least lately. Whether there was one."""
        row = self._base.execute(
            f"SELECT id, bytes FROM responses WHERE {which} ORDER BY used LIMIT 1",  # noqa: S608 - texts of this file
            values,
        ).fetchone()
        if row is None:
            return False
        self._base.execute("DELETE FROM responses WHERE id = ?", (row[0],))
        self._bytes -= row[1]
        return True

    def _chain(self, owner: str, name: str) -> list[_Row]:
        """A response behind all that it goes on from, [] where one of them is missing."""
        rows: list[_Row] = []
        at: str | None = name
        while at is not None:
            row = self._row(owner, at)
            if row is None:
                return []
            rows.append(row)
            at = row.previous
        return rows[::-1]

    def _row(self, owner: str, name: str) -> _Row | None:
        found = self._base.execute(
            "SELECT id, previous, response, input, hidden FROM responses WHERE id = ? AND owner = ?",
            (name, owner),
        ).fetchone()
        return None if found is None else _Row(*found)

    def _one(self, query: str) -> int:
        return int(self._base.execute(query).fetchone()[0])


def _place(folder: Path | None) -> str:
    if folder is None:
        return ":memory:"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    place = folder / _FILE
    os.close(os.open(place, os.O_CREAT | os.O_RDWR, 0o600))
    return str(place)


def missing(name: str) -> Refused:
    """What to raise where a response is asked for that is not there."""
    return Refused(
        f"no response {name[:80]!r}; it was never stored, was deleted, or had to go",
        kind="missing",
        code="response_not_found",
        param="response_id",
    )


def unknown_previous(name: str) -> Refused:
    """What to raise where a response is gone on from that is not there."""
    return Refused(
        f"Previous response with id {name[:80]!r} not found; it was never stored, was deleted, or had to go. Send its "
        "items as input",
        kind="missing",
        code="previous_response_not_found",
        param="previous_response_id",
    )


def _check_ended(name: str, response: dict[str, Any]) -> None:
    """Raises Refused for half an answer, which nothing may go on from."""
    if response.get("status", "completed") not in ("completed", "incomplete"):
        raise Refused(
            f"response {name[:80]!r} is {response['status']}; go on from {response.get('previous_response_id')!r}",
            code="previous_response_not_completed",
            param="previous_response_id",
        )
