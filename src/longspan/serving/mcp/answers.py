"""What the tools give back, as the protocol shows it to programs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, Field

from longspan.serving.desk import Kept
from longspan.serving.events import Done, Ended, Event, Made, Spoken
from longspan.serving.openai.quoting import citations_of


class Quote(BaseModel):
    """A quote of the answer, compared with the text of the document."""

    quote: str
    document: str | None
    start: int | None = Field(
        description="first character of the quote in the document, counted in code points"
    )
    end: int | None
    verified: bool = Field(description="whether it stands in the document")
    place: str = Field(description="page, line or heading")


class Answered(BaseModel):
    """An answer with its quotes."""

    answer: str
    citations: list[Quote]
    complete: bool = Field(description="false where the answer ended at its longest length")
    notes: list[str]
    prompt_tokens: int
    cached_tokens: int
    generated_tokens: int


class Context(BaseModel):
    """What was read once, to be asked about by its id."""

    id: str
    name: str
    tokens: int
    bytes: int
    plan: str
    documents: list[str]
    where: str = Field(description="memory, disk, or text where it has to be read again")


class Listed(BaseModel):
    """The contexts of whoever asks, used last first."""

    contexts: list[Context]


class Deleted(BaseModel):
    """A context that is gone."""

    id: str
    deleted: bool


def answered(events: Iterable[Event]) -> Answered:
    """What was said, from its events."""
    text, ended, done = "", Ended(index=0, why="stop"), None
    for event in events:
        if isinstance(event, Spoken) and not event.reasoning:
            text += event.text
        elif isinstance(event, Ended):
            ended = event
        elif isinstance(event, Done):
            done = event
    quotes: list[dict[str, Any]] = citations_of(ended.citations, 0)
    return Answered(
        answer=text,
        citations=[Quote(**{name: each[name] for name in Quote.model_fields}) for each in quotes],
        complete=ended.complete and ended.why != "length",
        notes=list(done.notes) if done else [],
        prompt_tokens=done.used.prompt_tokens if done else 0,
        cached_tokens=done.used.cached_tokens if done else 0,
        generated_tokens=done.used.generated_tokens if done else 0,
    )


def context(kept: Kept) -> Context:
    """A context as it is told of."""
    return Context(
        id=kept.id,
        name=kept.name,
        tokens=kept.tokens,
        bytes=kept.bytes,
        plan=kept.plan,
        documents=list(kept.documents),
        where=kept.where,
    )


def made_id(events: Iterable[Event]) -> str:
    """The id of a context that was made."""
    return next(each.id for each in events if isinstance(each, Made))
