"""Which rounds and notes speak of a query: by words, by vectors, fused by reciprocal rank.

Words are those of `spans.words`, stemmed, each Chinese or Japanese character one of its own, so that words of one and
two characters are found; SQLite's FTS5 ranks them by BM25. The value that is found is a round, its keys are its turns
and the notes that go back to it, as in LongMemEval (https://arxiv.org/abs/2410.10813).
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from longspan.memory.vectors import Embeds, catch_up, cosines
from longspan.parameters import check_range
from longspan.spans import content_words
from longspan.spans.words import words

RANK = 60
"""The constant of reciprocal rank fusion, https://doi.org/10.1145/1571941.1572114."""
_DEEP = 200  # hits of a list that are looked at
_NEAR = 0.35  # cosine above which vectors are taken to speak of the same
_KNOWN = 0.5  # share of a query that an embedder must be able to read
_ASKED = 48  # words of a query that are looked for

Key = tuple[str, int]
Span = tuple[float | None, float | None]


@dataclass(kw_only=True)
class Hit:
    """What was found. owner: "round" or "note"."""

    owner: str
    id: int
    score: float = 0.0
    evidence: float = 0.0
    words: set[str] = field(default_factory=set)


def index(database: sqlite3.Connection, owner: str, id: int, text: str) -> None:
    """Makes a text findable."""
    database.execute(
        f"INSERT INTO {owner}_words (rowid, words) VALUES (?, ?)",  # noqa: S608
        (id, " ".join(words(text))),
    )


def unindex(database: sqlite3.Connection, owner: str, id: int) -> None:
    """Takes it out again."""
    database.execute(f"DELETE FROM {owner}_words WHERE rowid = ?", (id,))  # noqa: S608


def search(
    database: sqlite3.Connection,
    embedder: Embeds | None,
    query: str,
    *,
    limit: int,
    floor: float,
    span: Span,
    before: int | None,
    kinds: Sequence[str] | None,
) -> list[Hit]:
    """The best hits, see `Memory.search`."""
    check_range("limit", limit, 1)
    check_range("floor", floor, 0, 1)
    hits: dict[Key, Hit] = {}
    owners = _Owners(database, span, before, kinds)
    asked = (content_words(query) or list(dict.fromkeys(words(query))))[:_ASKED]
    rarity = {word: _rarity(database, word) for word in asked}
    for owner in ("turn", "note"):
        found = _spoken(database, owner, asked)
        _ranked(hits, (key for id in found for key in owners.of(owner, id)))
        for id, held in found.items():
            for key in owners.of(owner, id):
                hits[key].words |= held
    total = sum(rarity.values())
    for hit in hits.values():
        hit.evidence = sum(rarity[word] for word in hit.words) / total if total else 0.0
    if embedder is not None and query.strip() and embedder.known(query) >= _KNOWN:
        catch_up(database, embedder)
        for owner in ("turn", "note"):
            near = [each for each in cosines(database, embedder, owner, query)[:_DEEP] if each[1] >= _NEAR]
            _ranked(hits, (key for id, _ in near for key in owners.of(owner, id)))
            for id, cosine in near:
                for key in owners.of(owner, id):
                    hits[key].evidence = max(hits[key].evidence, cosine)
    known = [hit for hit in hits.values() if hit.evidence >= floor and hit.score > 0]
    return sorted(known, key=lambda hit: (-hit.score, hit.owner, hit.id))[:limit]


def _ranked(hits: dict[Key, Hit], keys: Iterable[Key]) -> None:
    """Adds what a list of hits, best first, says for each of them."""
    for rank, key in enumerate(dict.fromkeys(keys), start=1):
        hits.setdefault(key, Hit(owner=key[0], id=key[1])).score += 1 / (RANK + rank)


def _spoken(database: sqlite3.Connection, owner: str, asked: Sequence[str]) -> dict[int, set[str]]:
    """Ids in which one of the words stands, best first by BM25, each with those that do."""
    if not asked:
        return {}
    table = f"{owner}_words"
    rows = database.execute(
        f"SELECT rowid, words FROM {table} WHERE {table} MATCH ? ORDER BY bm25({table}), rowid LIMIT ?",  # noqa: S608
        (" OR ".join(_quoted(word) for word in asked), _DEEP),
    )
    return {id: set(asked) & set(text.split(" ")) for id, text in rows}


def _rarity(database: sqlite3.Connection, word: str) -> float:
    """The inverse document frequency of a word among turns, as BM25 has it."""
    (total,) = database.execute("SELECT count(*) FROM turns").fetchone()
    (known,) = database.execute(
        "SELECT count(*) FROM turn_words WHERE turn_words MATCH ?", (_quoted(word),)
    ).fetchone()
    return math.log(1 + (total - known + 0.5) / (known + 0.5))


def _quoted(word: str) -> str:
    """A word as FTS5 takes it for nothing but a word."""
    return '"{}"'.format(word.replace('"', '""'))


class _Owners:
    """What a turn or a note is found for: its rounds, or itself."""

    def __init__(
        self, database: sqlite3.Connection, span: Span, before: int | None, kinds: Sequence[str] | None
    ) -> None:
        since, until = span
        self._kinds = kinds
        rows = database.execute(
            "SELECT id, round FROM turns WHERE time >= ? AND time < ? AND round < ?",
            (-math.inf if since is None else since, math.inf if until is None else until,
             2**62 if before is None else before),
        )  # fmt: skip
        self._rounds: dict[int, int] = dict(rows.fetchall())
        self._bounded = since is not None or until is not None or before is not None
        self._database = database
        self._known: dict[Key, list[Key]] = {}

    def of(self, owner: str, id: int) -> list[Key]:
        if owner == "turn":
            return [("round", self._rounds[id])] if self._kinds is not None and id in self._rounds else []
        if (owner, id) not in self._known:
            self._known[owner, id] = self._of_note(id)
        return self._known[owner, id]

    def _of_note(self, id: int) -> list[Key]:
        if self._kinds is None:
            return [("note", id)]
        (kind,) = self._database.execute("SELECT kind FROM notes WHERE id = ?", (id,)).fetchone()
        if kind not in self._kinds:
            return []
        sources = [
            turn for (turn,) in self._database.execute("SELECT turn FROM sources WHERE note = ?", (id,))
        ]
        if not sources:
            return [] if self._bounded else [("note", id)]
        return [("round", self._rounds[turn]) for turn in sorted(sources) if turn in self._rounds]
