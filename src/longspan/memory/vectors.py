"""Vectors of what a memory holds, made when a search needs them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from longspan.memory.schema import writing
from longspan.spans import Document, passages

PART = 600  # characters of a text that become one vector; embedders read little more
_TOGETHER = 64

Rows = NDArray[np.float32]


class Embeds(Protocol):
    """What a memory asks of an embedder, such as those of the room of that name."""

    @property
    def identity(self) -> str:
        """What tells its vectors from another's."""
        ...

    def embed(self, texts: Sequence[str]) -> Rows:
        """A row of length 1 for each text, fp32 `[texts, dimensions]`."""
        ...

    def embed_query(self, text: str) -> Rows:
        """The row of a query, `[dimensions]`."""
        ...

    def known(self, text: str) -> float:
        """The share of a text that it can read, 0 .. 1."""
        ...


def catch_up(connection: sqlite3.Connection, embedder: Embeds) -> None:
    """Makes the vectors that are not there yet, a few texts at a time, so that an interruption loses little."""
    for owner, table in (("turn", "turns"), ("note", "notes")):
        query = (
            f"SELECT id, text FROM {table} WHERE NOT EXISTS (SELECT 1 FROM vectors WHERE owner = ? AND "  # noqa: S608
            f"vectors.id = {table}.id AND embedder = ?) ORDER BY id LIMIT ?"
        )
        while rows := connection.execute(query, (owner, embedder.identity, _TOGETHER)).fetchall():
            pieces = [(id, part, piece) for id, text in rows for part, piece in enumerate(_pieces(text))]
            made: Rows = np.asarray(embedder.embed([piece for *_, piece in pieces]), np.float32)
            with writing(connection):
                connection.executemany(
                    "INSERT OR REPLACE INTO vectors SELECT ?, ?, ?, ?, ? "  # noqa: S608
                    f"WHERE EXISTS (SELECT 1 FROM {table} WHERE id = ?)",
                    [
                        (owner, id, part, embedder.identity, row.tobytes(), id)
                        for (id, part, _), row in zip(pieces, made, strict=True)
                    ],
                )


def cosines(
    connection: sqlite3.Connection, embedder: Embeds, owner: str, query: str
) -> list[tuple[int, float]]:
    """Ids with the cosine of their nearest part to the query, best first, ties by id."""
    rows = connection.execute(
        "SELECT id, vector FROM vectors WHERE owner = ? AND embedder = ?", (owner, embedder.identity)
    ).fetchall()
    if not rows:
        return []
    asked: Rows = np.asarray(embedder.embed_query(query), np.float32)
    held = np.frombuffer(b"".join(vector for _, vector in rows), np.float32).reshape(len(rows), -1)
    return _best(zip((id for id, _ in rows), (held @ asked).tolist(), strict=True))


def _best(scores: Iterable[tuple[int, float]]) -> list[tuple[int, float]]:
    best: dict[int, float] = {}
    for id, score in scores:
        best[id] = max(score, best.get(id, -1.0))
    return sorted(best.items(), key=lambda each: (-each[1], each[0]))


def _pieces(text: str) -> list[str]:
    if len(text) <= PART:
        return [text]
    return [span.text for span in passages(Document("turn", text), PART, len)]
