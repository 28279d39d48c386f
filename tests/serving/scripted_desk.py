"""A desk that answers from a script, so that the shapes of protocols can be tested without a model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from itertools import count
from typing import Any

from longspan.serving.asked import Asked, Function, Turn
from longspan.serving.desk import Kept, Offer, State
from longspan.serving.events import Done, Ended, Event, Made, Read, Spoken, Used
from longspan.serving.refused import Refused
from longspan.spans import Document

Script = Callable[[Asked], Iterable[Event | Exception | float]]
"""What comes of a request; an exception ends it, a number is seconds that pass."""


class ScriptedTicket:
    """Plays a script. cancelled: whether nobody wants it any more."""

    def __init__(self, script: Iterable[Event | Exception | float]) -> None:
        self._script, self.cancelled, self.ended = script, False, False

    async def __aiter__(self) -> AsyncIterator[Event]:
        for each in self._script:
            if self.cancelled:
                return
            if isinstance(each, Exception):
                raise each
            if isinstance(each, float):
                await asyncio.sleep(each)
            else:
                yield each
        self.ended = True

    def cancel(self) -> None:
        self.cancelled = not self.ended


def saying(text: str, *, prompt: int = 7) -> list[Event]:
    """The events of one plain answer, a word at a time."""
    words = [word + " " for word in text.split(" ")]
    words[-1] = words[-1][:-1]
    return [
        Read(processed=prompt, total=prompt, cached=0, seconds=0.1),
        *(Spoken(index=0, text=word) for word in words),
        Ended(index=0, why="stop"),
        Done(used=Used(prompt_tokens=prompt, generated_tokens=len(words), bytes_held=4096)),
    ]


class ScriptedDesk:
    """Answers each request by a script. asked: what was asked, in order. tickets: what was given for it. compacted: the
    turns that were, and the context before them; shown: the functions that were shown with the last of them."""

    def __init__(self, script: Script = lambda asked: saying("All is well."), *, window: int = 8192) -> None:
        self.script, self.window = script, window
        self.asked: list[Asked] = []
        self.tickets: list[ScriptedTicket] = []
        self.shown: Sequence[Function] = ()
        self.compacted: list[tuple[tuple[Turn, ...], str | None]] = []
        self.kept: dict[tuple[str, str], tuple[Kept, list[Document]]] = {}
        self._numbers = count()

    @property
    def offers(self) -> Sequence[Offer]:
        return [Offer(id="scripted", window=self.window, created=1_700_000_000)]

    @property
    def state(self) -> State:
        return State(ready=True, contexts=len(self.kept))

    async def count(self, asked: Asked) -> int:
        texts = [each.text for each in asked.turns] + [str(asked.prompt or "")]
        before = 0 if asked.context is None else self._of(asked.owner, asked.context)[0].tokens
        return before + sum(len(text.split()) for text in texts)

    async def ask(self, asked: Asked) -> ScriptedTicket:
        self.asked.append(asked)
        if asked.context is not None:
            self._of(asked.owner, asked.context)
        ticket = ScriptedTicket(self.script(asked))
        self.tickets.append(ticket)
        return ticket

    async def read(
        self, owner: str, documents: Sequence[Document], *, name: str = "", plan: str | None = None
    ) -> ScriptedTicket:
        tokens = sum(len(each.text.split()) for each in documents)
        kept = self._keep(owner, list(documents), name, tokens, plan)
        used = Used(prompt_tokens=tokens)
        read = Read(processed=tokens, total=tokens, cached=0, seconds=0.1)
        return ScriptedTicket([read, Made(id=kept.id), Done(used=used)])

    async def compact(
        self,
        owner: str,
        turns: Sequence[Turn],
        *,
        context: str | None = None,
        plan: str | None = None,
        functions: Sequence[Function] = (),
        variables: Mapping[str, Any] | None = None,
    ) -> ScriptedTicket:
        tokens = await self.count(Asked(owner=owner, turns=turns, context=context))
        self.shown = functions
        self.compacted.append((tuple(turns), context))
        kept = self._keep(
            owner, [document for each in turns for document in each.documents], "", tokens, plan
        )
        return ScriptedTicket([Made(id=kept.id), Done(used=Used(prompt_tokens=tokens))])

    async def contexts(self, owner: str) -> Sequence[Kept]:
        return [kept for (whose, _), (kept, _) in self.kept.items() if whose == owner][::-1]

    async def text_of(self, owner: str, context: str) -> Sequence[Document]:
        return self._of(owner, context)[1]

    async def forget(self, owner: str, context: str) -> None:
        self._of(owner, context)
        del self.kept[owner, context]

    async def close(self, grace: float) -> None:
        for ticket in self.tickets:
            ticket.cancel()

    def _of(self, owner: str, context: str) -> tuple[Kept, list[Document]]:
        found = self.kept.get((owner, context))
        if found is None:
            raise Refused(f"no context {context!r}; list yours with GET /v1/contexts", kind="missing")
        return found

    def _keep(self, owner: str, documents: list[Document], name: str, tokens: int, plan: str | None) -> Kept:
        kept = Kept(
            id=f"ctx_{next(self._numbers):032x}",
            name=name,
            tokens=tokens,
            bytes=tokens * 1024,
            plan=plan or "",
            created=1_700_000_000.0,
            used=1_700_000_000.0,
            documents=tuple(each.name for each in documents),
        )
        self.kept[owner, kept.id] = kept, documents
        return kept
