"""What a memory gives back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

Role = Literal["user", "assistant"]
Kind = Literal["fact", "core", "archive", "instruction", "summary"]
"""Of notes: a fact of somebody, a line of a core block, a passage put by, a standing instruction, a summary."""
Origin = Literal["user", "assistant", "document"]
"""Who a note goes back to. What goes back to a document never is an instruction."""

KINDS: tuple[Kind, ...] = ("fact", "core", "archive", "instruction", "summary")
ORIGINS: tuple[Origin, ...] = ("user", "assistant", "document")


def moment(time: float) -> str:
    """A time in seconds since 1970 as people read it, in UTC to the minute."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M UTC")


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What somebody said, word for word.

    id: its number in the memory, ascending. session: the conversation it belongs to, from 1. round: the id of the
    user's turn that it is, or answers. time: seconds since 1970. label: a name that a program gave it, "" for none.
    """

    id: int
    session: int
    round: int
    role: Role
    text: str
    time: float
    label: str = ""


@dataclass(frozen=True, kw_only=True)
class Note:
    """Something noted, which goes back to turns.

    subject: what it is about: a name, a block, a session. condition: when an instruction applies, "" for always.
    valid_from, valid_to: seconds since 1970; valid_to is None while it holds. sources: ids of turns. confidence: from
    0 to 1.
    """

    id: int
    kind: Kind
    text: str
    subject: str
    condition: str
    valid_from: float
    valid_to: float | None
    origin: Origin
    confidence: float
    sources: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Found:
    """A round, or a note, that a search found.

    score: by reciprocal rank, the higher the better. evidence: the share of the query's words that stand in it, by how
    rare they are, or its vector's cosine, 0 .. 1. turns: the whole round, empty for a note.
    """

    score: float
    evidence: float
    turns: tuple[Turn, ...] = ()
    note: Note | None = None


@dataclass(frozen=True, kw_only=True)
class Attached:
    """A document that was attached. path: where it lay, "" for none. text: what was read of it then."""

    id: int
    name: str
    path: str
    text: str
