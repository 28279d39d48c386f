"""Who answers what clients ask: a model of this process, or an engine elsewhere. Routes are written against this."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from longspan.serving.asked import Asked, Function, Turn
from longspan.serving.events import Event
from longspan.spans import Document


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A model that answers. window: tokens of prompt and answer. facts: what else is told of it."""

    id: str
    window: int
    created: int
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A context: what was read once, to be asked about. created, used: seconds since 1970. documents: their names.
    where: whether its keys and values lie in memory or on disk only."""

    id: str
    name: str
    tokens: int
    bytes: int
    plan: str
    created: float
    used: float
    documents: tuple[str, ...] = ()
    where: str = "memory"
    compacted_from: str | None = None


@dataclass(frozen=True, kw_only=True)
class State:
    """How a desk is. ready: whether it takes requests. problems: a line each, of what does not go as it should."""

    ready: bool
    problems: tuple[str, ...] = ()
    running: int = 0
    waiting: int = 0
    held_bytes: int = 0
    limit_bytes: int = 0
    disk_bytes: int = 0
    contexts: int = 0


class Ticket(Protocol):
    """A request that was taken."""

    def __aiter__(self) -> AsyncIterator[Event]:
        """What comes of it, up to `Done`. Raises Refused where it fails."""
        ...

    def cancel(self) -> None:
        """Nobody wants it any more: what it holds is freed at once. May be called at any time, also after its end."""
        ...


class Desk(Protocol):
    """Who answers. All of it raises Refused."""

    @property
    def offers(self) -> Sequence[Offer]:
        """The models, the server's own first."""
        ...

    @property
    def state(self) -> State:
        """How it is, at no cost."""
        ...

    async def count(self, asked: Asked) -> int:
        """Tokens of a prompt, with its context, functions and template; nothing is read."""
        ...

    async def ask(self, asked: Asked) -> Ticket:
        """Takes a request in, whose events then come."""
        ...

    async def read(
        self, owner: str, documents: Sequence[Document], *, name: str = "", plan: str | None = None
    ) -> Ticket:
        """Reads documents into a context, which `Made` names."""
        ...

    async def compact(
        self,
        owner: str,
        turns: Sequence[Turn],
        *,
        context: str | None = None,
        plan: str | None = None,
        functions: Sequence[Function] = (),
        variables: Mapping[str, Any] | None = None,
    ) -> Ticket:
        """Reads a dialogue, compresses its keys and values, and keeps them as a context, which `Made` names.

        A request with this context goes on behind these turns. functions, variables: as of the requests that are to
        come, since a template may show them before the dialogue.
        """
        ...

    async def contexts(self, owner: str) -> Sequence[Kept]:
        """What this owner has, used last first."""
        ...

    async def text_of(self, owner: str, context: str) -> Sequence[Document]:
        """The documents that a context holds."""
        ...

    async def forget(self, owner: str, context: str) -> None:
        """Deletes a context."""
        ...

    async def close(self, grace: float) -> None:
        """Takes no more, lets what runs end within so many seconds, keeps contexts, and gives memory back."""
        ...
