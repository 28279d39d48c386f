"""The whole server with its page, in front of a desk that answers from a script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from scripted_desk import ScriptedDesk, ScriptedTicket
from starlette.types import ASGIApp

from longspan.serving.desk import Kept
from longspan.serving.events import Done, Ended, Event, Made, Read, Spoken, Used
from longspan.serving.web.app import create_app
from longspan.serving.web.keys import NOBODY
from longspan.serving.web.settings import Settings
from longspan.spans import Citation, Document


class Shelf(ScriptedDesk):
    """A desk whose reading takes as many steps as it is told. steps: (processed share, seconds after it)."""

    steps: Sequence[tuple[float, float]] = ()

    async def read(
        self, owner: str, documents: Sequence[Document], *, name: str = "", plan: str | None = None
    ) -> ScriptedTicket:
        tokens = sum(len(each.text.split()) for each in documents)
        events: list[Event | float | Exception] = []
        for share, seconds in self.steps:
            events += [
                Read(processed=round(share * tokens), total=tokens, cached=0, seconds=4 * share),
                seconds,
            ]
        kept = self._keep(owner, list(documents), name, tokens, plan)
        return ScriptedTicket([*events, Made(id=kept.id), Done(used=Used(prompt_tokens=tokens))])


def answer(text: str, citations: Sequence[Citation] = (), *, pause: float = 0.0) -> list[Event | float]:
    """The events of an answer, a word at a time, with seconds between words."""
    words = [word + " " for word in text.split(" ")]
    words[-1] = words[-1][:-1]
    spoken: list[Event | float] = []
    for word in words:
        spoken += [Spoken(index=0, text=word), pause] if pause else [Spoken(index=0, text=word)]
    used = Used(
        prompt_tokens=1700,
        cached_tokens=1600,
        generated_tokens=len(words),
        bytes_held=12_400_000,
        prefill_seconds=0.42,
        decode_seconds=len(words) / 20,
    )
    return [
        Read(processed=1700, total=1700, cached=1600, seconds=0.4),
        *spoken,
        Ended(index=0, why="stop", citations=tuple(citations)),
        Done(used=used),
    ]


def quoted(document: Document, quote: str) -> Citation:
    """A citation of what stands in a document."""
    start = document.text.index(quote)
    return Citation(document.name, start, start + len(quote), quote, True, number=1, place=document.name)


def made_up(quote: str) -> Citation:
    """A citation of what stands nowhere."""
    return Citation("", None, None, quote, False)


def app(desk: Shelf, **settings: object) -> ASGIApp:
    """All of the server in front of it."""
    return create_app(desk, Settings(**{"log": False, "ping": 0.2, **settings}))


def put(desk: Shelf, document: Document, *, plan: str = "") -> Kept:
    """Has a document read before anybody asks."""
    kept = desk._keep(NOBODY, [document], document.name, len(document.text.split()), plan)
    desk.kept[NOBODY, kept.id] = replace(kept, bytes=12_400_000), [document]
    return kept
