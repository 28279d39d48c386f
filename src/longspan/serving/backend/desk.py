"""Contexts, flows and checked quotes in front of an engine elsewhere."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from longspan.serving.asked import Asked, Function, Turn
from longspan.serving.backend.bodies import body_of
from longspan.serving.backend.engine import Engine, estimated
from longspan.serving.backend.heard import Heard
from longspan.serving.backend.spread import Spread
from longspan.serving.backend.texts import Texts
from longspan.serving.desk import Kept, Offer, State, Ticket
from longspan.serving.events import Done, Event, Made, Used
from longspan.serving.flowing import Flows, Known
from longspan.serving.past import Past, fresh_id
from longspan.serving.piping import Piped, cited
from longspan.serving.prompts import spoken
from longspan.serving.refused import Overlong, Refused, refusal
from longspan.serving.ticket import LocalTicket
from longspan.spans import Document

_BEGINNING = 4096
_EACH_TURN = 8
"""Tokens that a template is taken to put around a turn."""


class BackendDesk:
    """Answers by an engine elsewhere; what is read stays as text, and stands in front of every question in the same
    way, so that the engine finds it again in what it has read.

    engine: one, or several of the same model. name: by which clients know the model, its own unless given. answer:
    tokens where a client names none. seconds: that a request may take.
    """

    def __init__(
        self,
        engine: Engine | Spread,
        *,
        name: str = "",
        texts: Texts | None = None,
        answer: int = 1024,
        seconds: float = 3600.0,
    ) -> None:
        self._spread = Spread([engine]) if isinstance(engine, Engine) else engine
        self._engine = self._spread.first
        self._name = name or self._engine.model
        self._texts = Texts(2**30) if texts is None else texts
        self._answer, self._seconds, self._created = answer, seconds, int(time.time())
        self._flows = Flows(self, seconds=seconds)
        self._going: set[asyncio.Task[None]] = set()
        self._closing, self._trouble = False, ""

    @property
    def offers(self) -> Sequence[Offer]:
        """One model."""
        counted = "by the engine" if self._engine.counts else "estimated"
        facts = {"engine": self._engine.kind, "tokens_counted": counted}
        return [Offer(id=self._name, window=self._spread.window, created=self._created, facts=facts)]

    @property
    def state(self) -> State:
        """How it went last."""
        several, gone = len(self._spread.engines), self._spread.away
        away = f"{gone} of {several} engines cannot be reached" if gone and several > 1 else ""
        return State(
            ready=not self._closing,
            problems=tuple(each for each in (self._trouble, away, self._texts.trouble) if each),
            running=len(self._going),
            disk_bytes=self._texts.bytes,
            contexts=len(self._texts),
        )

    async def count(self, asked: Asked) -> int:
        """Tokens of a prompt: by the engine where it counts texts, with a few for its template, else estimated."""
        asked = self._whole(asked)
        if asked.prompt is not None and not isinstance(asked.prompt, str):
            return len(asked.prompt)
        return await self._engine.count(_text(asked)) + _EACH_TURN * len(asked.turns)

    async def ask(self, asked: Asked) -> Ticket:
        """Passes a request on."""
        self._check(asked)
        if asked.flow is not None:
            known = Known(count=estimated, window=self._spread.window)
            return await self._flows.ask(asked, known)
        whole = self._whole(asked)
        path, body = body_of(self._engine, whole, self._answer)
        tokens = estimated(_text(whole))
        heard = Heard(prompt=tokens, count=asked.count)
        key = _beginning(whole)

        async def events() -> AsyncGenerator[Event, None]:
            async for chunk in self._spread.stream(key, path, body, tokens=tokens):
                for event in heard.of(chunk):
                    yield event
            for event in heard.end():
                yield event

        documents = [document for turn in whole.turns for document in turn.documents]
        ticket = self._pumped(events, asked.seconds)
        return Piped(ticket, lambda events: cited(events, asked, documents))

    async def read(
        self, owner: str, documents: Sequence[Document], *, name: str = "", plan: str | None = None
    ) -> Ticket:
        """Keeps documents, and has the engine read them so that it may find them again."""
        if not documents:
            raise Refused("a context has no documents; send text or a file", param="text")
        turns = (Turn(role="user", documents=tuple(documents)),)
        return self._keeping(Asked(owner=owner, turns=turns), plan, name=name or documents[0].name)

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
        """Keeps a dialogue as text, and says so: keys and values that lie in an engine are not compressed from here."""
        past = None if context is None else self._texts.of(owner, context)
        asked = Asked(owner=owner, turns=turns)
        whole = asked.turns if past is None else past.before(asked).turns
        shown = replace(asked, turns=tuple(whole), functions=functions, variables=variables or {})
        return self._keeping(shown, plan, compacted_from=context, compacted=True)

    async def contexts(self, owner: str) -> Sequence[Kept]:
        """What this owner has, used last first."""
        return self._texts.kept(owner)

    async def text_of(self, owner: str, context: str) -> Sequence[Document]:
        """The documents that a context holds."""
        return self._texts.of(owner, context).documents

    async def forget(self, owner: str, context: str) -> None:
        """Deletes a context."""
        self._texts.forget(owner, context)

    async def close(self, grace: float) -> None:
        """Lets what runs end, then ends it."""
        self._closing = True
        if self._going:
            await asyncio.wait(self._going, timeout=max(grace, 0.001))
        for each in list(self._going):
            each.cancel()
        await asyncio.gather(*self._going, return_exceptions=True)
        await self._spread.close()
        self._texts.close()

    def _keeping(
        self,
        shown: Asked,
        plan: str | None,
        *,
        name: str = "",
        compacted: bool = False,
        compacted_from: str | None = None,
    ) -> Ticket:
        asked = replace(shown, plan=plan, generation={"max_new_tokens": 1})
        self._check(asked)
        text = _text(asked)
        tokens = estimated(text)
        path, body = body_of(self._engine, asked, 1)
        key = _beginning(asked)

        async def events() -> AsyncGenerator[Event, None]:
            heard, done, notes = Heard(prompt=tokens, count=1), Done(used=Used()), list[str]()
            try:
                async for chunk in self._spread.stream(key, path, body, tokens=tokens):
                    for event in heard.of(chunk):
                        if hasattr(event, "processed"):
                            yield event
                done = next(each for each in heard.end() if isinstance(each, Done))
            except Overlong:
                notes.append(
                    "the text is longer than the window of the engine; ask about it with longspan.flow, such as auto"
                )
            if compacted:
                notes.append(
                    "the dialogue is kept as text: keys and values of this engine are not compressed"
                )
            read = done.used.prompt_tokens or tokens
            kept = Past(
                id=fresh_id(),
                owner=asked.owner,
                name=name,
                plan="",
                turns=tuple(asked.turns),
                parts=(),
                created=time.time(),
                tokens=read,
                bytes=len(text.encode("utf-8", "surrogatepass")),
                window=self._spread.window,
                compacted=compacted,
                compacted_from=compacted_from,
            )
            self._texts.keep(kept)
            yield Made(id=kept.id)
            used = replace(done.used, prompt_tokens=read, generated_tokens=0)
            yield Done(used=used, notes=(*done.notes, *notes))

        return self._pumped(events, None)

    def _pumped(
        self, events: Callable[[], AsyncGenerator[Event, None]], seconds: float | None
    ) -> LocalTicket:
        """A ticket whose events are taken from the engine as they come, and no longer than anybody wants them."""
        limit = min(seconds or self._seconds, self._seconds)

        async def pump() -> None:
            try:
                async with asyncio.timeout(limit), aclosing(events()) as coming:
                    async for event in coming:
                        ticket.put(event)
                        if ticket.stale:
                            ticket.put(Refused("the answer was not taken for long", kind="timeout"))
                            return
                self._trouble = ""
            except TimeoutError:
                ticket.put(
                    Refused(
                        f"not done after {limit:g} s, the time limit; ask for less, or give requests more time",
                        kind="timeout",
                    )
                )
            except asyncio.CancelledError:
                ticket.put(
                    Refused("the server is shutting down; try again later", kind="overloaded", retry_after=5)
                )
                raise
            except Refused as refused:
                unwell = refused.kind in ("failed", "overloaded", "timeout")
                self._trouble = refused.message if unwell else ""
                ticket.put(refused)
            except Exception as error:
                ticket.put(refusal(error))

        def left() -> None:
            task.cancel()

        ticket = LocalTicket(left)
        task = asyncio.get_running_loop().create_task(pump())
        self._going.add(task)
        task.add_done_callback(self._going.discard)
        return ticket

    def _check(self, asked: Asked) -> None:
        if self._closing:
            raise Refused("the server is shutting down; try again later", kind="overloaded", retry_after=5)
        if asked.plan:
            raise Refused(
                "plans are for models of this process, and the engine behind this server has none; leave it out",
                param="longspan.plan",
            )
        if asked.model not in (None, "", self._name):
            raise Refused(
                f"no model {asked.model!r}; this server has {self._name!r}",
                kind="missing",
                code="model_not_found",
                param="model",
            )
        if asked.prompt is None and not asked.turns:
            raise Refused("messages is empty; send one or more", param="messages")

    def _whole(self, asked: Asked) -> Asked:
        """The request with its context in front."""
        if asked.context is None:
            return asked
        return replace(self._texts.of(asked.owner, asked.context).before(asked), context=None)


def _text(asked: Asked) -> str:
    """All that is said in a request."""
    said: Iterable[str] = (spoken(each) for each in asked.turns)
    return "\n".join([asked.prompt] if isinstance(asked.prompt, str) else said)


def _beginning(asked: Asked) -> str:
    """What a request begins with: the same for all questions about the same documents, and all turns of a dialogue."""
    if asked.prompt is not None:
        return f"{asked.owner}\0{str(asked.prompt)[:_BEGINNING]}"
    first = next((each for each in asked.turns if each.role == "user"), None)
    documents = () if first is None else first.documents
    said = [each.text for each in documents] or ["" if first is None else first.text]
    system = [each.text for each in asked.turns[:1] if each.role == "system" and not documents]
    return "\0".join([asked.owner, *(each[:_BEGINNING] for each in (*system, *said))])
