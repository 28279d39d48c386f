"""What flows ask: prompts are files, and the texts in them are data."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from longspan.flows.chat import Message
from longspan.spans import Document, Span, render
from longspan.spans.rendering import GAP, heading, layout, titles

_FIELD = re.compile(r"\{([a-z_]+)\}")


def prompt(name: str, **fields: str) -> Message:
    """The user's words that the file `prompts/NAME.txt` makes of texts, each put in its place `{field}` in one pass.

    So nothing in a text is taken for a place. Raises ValueError unless the fields are those of the file.
    """
    written = _written(name)
    places = set(_FIELD.findall(written))
    if places != fields.keys():
        raise ValueError(f"prompt {name} has the fields {sorted(places)}, not {sorted(fields)}; give those")
    return Message(role="user", content=_FIELD.sub(lambda place: fields[place[1]], written))


@dataclass(frozen=True, kw_only=True)
class Laid:
    """A prompt of parts of documents and a question, and where they stand in its words.

    spans: the parts in their order, each with where its text begins. question: where the question begins.
    """

    message: Message
    spans: tuple[tuple[int, Span], ...]
    question: int


def laid(name: str, spans: Iterable[Span], question: str) -> Laid:
    """What the file `prompts/NAME.txt` makes of parts of documents, `{text}`, and then of a question, `{question}`."""
    parts = layout(spans)
    text = enclosed("".join(part if isinstance(part, str) else part.text for part in parts))
    before, rest = _written(name).split("{text}")
    between, after = rest.split("{question}")
    place, found = len(before) + text.index("\n") + 1, []
    for part in parts:
        if isinstance(part, Span):
            found.append((place, part))
        place += len(part if isinstance(part, str) else part.text)
    whole = f"{before}{text}{between}"
    return Laid(
        message=Message(role="user", content=f"{whole}{question}{after}"),
        spans=tuple(found),
        question=len(whole),
    )


def enclosed(text: str) -> str:
    """A text between two marks that it does not hold, so that it cannot seem to end where it does not.

    The mark follows from the text, so that the same is asked again; nobody can write a text that holds its own.
    """
    mark = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"<text {mark}>\n{text}\n</text {mark}>"


def shown(spans: Iterable[Span]) -> str:
    """Parts of documents as they are read, with names and marks of gaps, enclosed."""
    return enclosed(render(spans))


def frame(documents: Iterable[Document]) -> str:
    """The longest that stands around a part of documents as `shown` shows it."""
    longest = max(map(heading, titles(documents)), key=len, default="")
    return enclosed(f"{longest}{GAP}\n\n{GAP}")


@cache
def _written(name: str) -> str:
    return (files("longspan.flows") / "prompts" / f"{name}.txt").read_text("utf-8").strip()
