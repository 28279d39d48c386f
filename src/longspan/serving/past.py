"""What was read as a context, besides its keys and values."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from longspan.serving.asked import Asked, FunctionCall, Turn
from longspan.serving.desk import Kept
from longspan.spans import Document, Places


def fresh_id() -> str:
    """An id that nobody can guess."""
    return f"ctx_{secrets.token_hex(16)}"


@dataclass(frozen=True, kw_only=True)
class Past:
    """A context, as text.

    turns: what was said; documents of which a question is to follow are one turn of the user without words. parts: what
    its tokens are of, control tokens as their numbers. tokens, bytes: read and held. window: tokens that it and what
    follows may have, None where nothing bounds them. compacted: whether its keys and values were compressed after it
    was read.
    """

    id: str
    owner: str
    name: str
    plan: str
    turns: tuple[Turn, ...]
    parts: tuple[str | int, ...]
    created: float
    tokens: int = 0
    bytes: int = 0
    window: int | None = None
    compacted: bool = False
    compacted_from: str | None = None

    @property
    def documents(self) -> tuple[Document, ...]:
        """That it holds."""
        return tuple(document for turn in self.turns for document in turn.documents)

    def kept(self, used: float, where: str) -> Kept:
        """As clients are told of it."""
        return Kept(
            id=self.id,
            name=self.name,
            tokens=self.tokens,
            bytes=self.bytes,
            plan=self.plan,
            created=self.created,
            used=used,
            documents=tuple(each.name for each in self.documents),
            where=where,
            compacted_from=self.compacted_from,
        )

    def before(self, asked: Asked) -> Asked:
        """The request with these turns before its own, as if it had brought them."""
        if not self.compacted:
            return replace(asked, turns=_about(self.documents, asked.turns))
        turns, first = list(asked.turns), self.turns[0]
        if turns and turns[0].role == "system" == first.role and turns[0].text == first.text:
            turns = turns[1:]
        return replace(asked, turns=(*self.turns, *_folded(turns)))

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        turns = [
            asdict(replace(each, documents=())) | {"documents": [_document(one) for one in each.documents]}
            for each in self.turns
        ]
        return vars(self) | {"turns": turns}

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> Self:
        """What `to_dict` gave. Raises LookupError, TypeError or ValueError for anything else."""
        turns = [
            Turn(
                **{name: each[name] for name in ("role", "text", "answers", "reasoning")},
                calls=tuple(FunctionCall(**call) for call in each["calls"]),
                documents=tuple(
                    Document(one["name"], one["text"], Places.from_dict(one["places"]), tuple(one["notes"]))
                    for one in each["documents"]
                ),
            )
            for each in said["turns"]
        ]
        return cls(**{**said, "turns": tuple(turns), "parts": tuple(said["parts"])})


def _document(document: Document) -> dict[str, Any]:
    return {
        "name": document.name,
        "text": document.text,
        "places": document.places.to_dict(),
        "notes": list(document.notes),
    }


def _about(documents: tuple[Document, ...], turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """Turns whose first words of a user stand behind documents, and behind those what a system said."""
    said = _folded(turns)
    if not said or said[0].role != "user":
        return (Turn(role="user", documents=documents), *said)
    return (replace(said[0], documents=(*documents, *said[0].documents)), *said[1:])


def _folded(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """Turns whose first words of a system are said by the user who speaks next."""
    if len(turns) < 2 or turns[0].role != "system" or turns[1].role != "user":
        return tuple(turns)
    text = "\n\n".join(each.text for each in turns[:2] if each.text)
    return (replace(turns[1], text=text), *turns[2:])
