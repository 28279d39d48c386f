"""A desk whose model runs in this process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TypeVar

from longspan.errors import LongspanError
from longspan.model import Model
from longspan.plan import Plan
from longspan.running.window import window_exceeded
from longspan.serving.admission import Admission, bytes_a_token
from longspan.serving.asked import Asked
from longspan.serving.desk import Offer, State, Ticket
from longspan.serving.events import Ended, Event, Spoken
from longspan.serving.job import Job
from longspan.serving.prompts import Prompted, prompted
from longspan.serving.refused import Overlong, Refused
from longspan.serving.ticket import LocalTicket
from longspan.serving.worker import Worker
from longspan.session import Session
from longspan.spans import Document, Span, cite

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a server gives to a request, and to all. chunk: see `Worker`. answer: tokens, where a client names none.
    memory: bytes of keys and values. waiting, each: see `Admission`. seconds: that a request may take."""

    chunk: int = 256
    answer: int = 1024
    memory: int = 2**32
    waiting: int = 64
    each: int = 32
    seconds: float = 3600.0


class Piped:
    """A ticket whose events come through something else."""

    def __init__(self, ticket: Ticket, pipe: Callable[[AsyncIterator[Event]], AsyncIterator[Event]]) -> None:
        self._ticket, self._pipe = ticket, pipe

    def __aiter__(self) -> AsyncIterator[Event]:
        return self._pipe(aiter(self._ticket))

    def cancel(self) -> None:
        """Of what is behind it."""
        self._ticket.cancel()


class LocalDesk:
    """Answers by one model on one worker. name: by which clients know it. plan: where they name none."""

    def __init__(
        self, model: Model, *, name: str = "", plan: Plan | str | None = None, limits: Limits | None = None
    ) -> None:
        self.model, self.limits = model, limits or Limits()
        self.plan = str(Plan.of(plan))
        self._name, self._created = name or model.name, int(time.time())
        self._each = bytes_a_token(model.seam)
        admission = Admission(limit=self.limits.memory, waiting=self.limits.waiting, each=self.limits.each)
        self.worker = Worker(model, chunk=self.limits.chunk, admission=admission)
        self._kinds: dict[str, Session] = {}

    @property
    def offers(self) -> Sequence[Offer]:
        """One model."""
        facts = {"n_ctx_train": self.model.window, "plan": self.plan, "weights": self.model.weights}
        kind = self._kinds.get(self.plan)
        window = (kind.window if kind else None) or self.model.window
        return [Offer(id=self._name, window=window, created=self._created, facts=facts)]

    @property
    def state(self) -> State:
        """How the worker is."""
        worker = self.worker
        problems = ("the model has not moved for a minute",) if worker.stuck else ()
        return State(
            ready=not worker.closing and not worker.stuck,
            problems=problems,
            running=worker.running,
            waiting=worker.waiting,
            held_bytes=worker.held_bytes,
            limit_bytes=self.limits.memory,
        )

    async def count(self, asked: Asked) -> int:
        """Tokens of a prompt."""
        return len((await _aside(lambda: self._prompt(asked))).ids)

    async def ask(self, asked: Asked) -> Ticket:
        """Takes a request in."""
        kind = await self._kind(asked.plan)
        prompt = await _aside(lambda: self._prompt(asked))
        limit = self._limit(asked, kind, len(prompt.ids))
        ticket = LocalTicket(self.worker.wake)
        job = Job(
            owner=asked.owner,
            ids=prompt.ids,
            plan=str(kind.plan),
            ticket=ticket,
            key=self._key(asked.owner, kind, len(prompt.ids) + limit),
            count=asked.count if limit else 0,
            generation={**asked.generation, "max_new_tokens": max(1, limit), "reasoning": prompt.reasoning},
            echo=asked.echo,
            open=asked.echo and not limit,
            bytes=self._each * (len(prompt.ids) + asked.count * limit),
            deadline=time.monotonic() + min(asked.seconds or self.limits.seconds, self.limits.seconds),
        )
        self.worker.submit(job)
        return Piped(ticket, lambda events: _cited(events, asked, prompt.documents))

    async def close(self, grace: float) -> None:
        """Lets what runs end, then ends it."""
        self.worker.drain()
        until = time.monotonic() + grace
        while (self.worker.running or self.worker.waiting) and time.monotonic() < until:
            await asyncio.sleep(0.05)
        await _aside(self.worker.close)

    def _prompt(self, asked: Asked) -> Prompted:
        if asked.model not in (None, "", self._name):
            raise Refused(
                f"no model {asked.model!r}; this server has {self._name!r}",
                kind="missing",
                code="model_not_found",
                param="model",
            )
        return prompted(self.model.tokenizer, asked)

    async def _kind(self, plan: str | None) -> Session:
        """An empty session under a plan, which knows its window. Raises Refused for a plan that cannot be."""
        try:
            text = self.plan if plan is None else str(Plan.of(plan))
            if text not in self._kinds:
                made = self.worker.call(lambda: self.model.session(text or None, chunk=self.limits.chunk))
                self._kinds[text] = await asyncio.wrap_future(made)
        except (LongspanError, ValueError) as error:
            raise Refused(str(error), param="longspan.plan") from None
        return self._kinds[text]

    def _limit(self, asked: Asked, kind: Session, tokens: int) -> int:
        """Tokens of an answer. Raises Overlong where it does not fit."""
        wanted = asked.generation.get("max_new_tokens")
        if wanted == 0 and asked.echo:
            return 0
        window = kind.window
        if window is None:
            return wanted or self.limits.answer
        room = window - tokens
        if room < 1 or (wanted or 0) > room:
            error = window_exceeded(tokens, wanted or 1, window, self.model.seam, streams=kind.plan.streams)
            param = "prompt" if asked.prompt is not None else "messages"
            raise Overlong(
                tokens=tokens + (wanted or 0),
                maximum=window,
                advice=str(error).partition("; ")[2],
                param=param,
            )
        return wanted or min(self.limits.answer, room)

    def _key(self, owner: str, kind: Session, length: int) -> str:
        """Under which what is read may be found again, "" where it depends on what follows."""
        plan = kind.plan
        if plan.policy is not None and plan.policy.guided:
            return ""
        positions = kind.batch.sequences[0].positions(length)
        growing = [each.rope.at(length).inv_freq for each in self.model.seam.layers if each.rope.growing]
        turned = blake2b(b"".join(each.cpu().numpy().tobytes() for each in growing), digest_size=8)
        return "\0".join([owner, str(plan), repr(positions), turned.hexdigest()])


async def _aside(work: Callable[[], T]) -> T:
    """Does something that takes a while on another thread."""
    return await asyncio.to_thread(work)


async def _cited(
    events: AsyncIterator[Event], asked: Asked, documents: Sequence[Document]
) -> AsyncIterator[Event]:
    """Events with quotes of what was said, checked against the documents that were shown."""
    if not asked.cite or not documents:
        async for event in events:
            yield event
        return
    said: dict[int, str] = {}
    question = next((each.text for each in reversed(asked.turns) if each.role == "user"), "")
    spans = [Span(each, 0, len(each.text)) for each in documents]
    async for event in events:
        if isinstance(event, Spoken) and not event.reasoning:
            said[event.index] = said.get(event.index, "") + event.text
        if isinstance(event, Ended) and (text := said.get(event.index, "")).strip():
            found = await _aside(lambda text=text: cite(text, question, spans))  # type: ignore[misc]
            event = replace(event, citations=found)
        yield event
