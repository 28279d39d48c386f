"""A desk whose model runs in this process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, TypeVar

from longspan.errors import LongspanError
from longspan.model import Model
from longspan.plan import Plan
from longspan.profiles.effective import effective_window
from longspan.running.window import window_exceeded
from longspan.serving.admission import Admission, Limits, bytes_a_token
from longspan.serving.asked import Asked, Function, Turn
from longspan.serving.calling.calling import Calling
from longspan.serving.contexts import Contexts
from longspan.serving.desk import Kept, Offer, State, Ticket
from longspan.serving.events import Done, Made, Used
from longspan.serving.flowing import Flows, Known
from longspan.serving.harmless import check_plan
from longspan.serving.job import Job
from longspan.serving.past import Past, fresh_id
from longspan.serving.piping import Piped, aside, cited, noted
from longspan.serving.prompts import Prompted, prompted
from longspan.serving.refused import Overlong, Refused
from longspan.serving.shelf import Shelf
from longspan.serving.ticket import LocalTicket
from longspan.serving.worker import Worker
from longspan.session import Session
from longspan.spans import Document

T = TypeVar("T")
COMPACTING = "policy=kvzip(budget=50%)"
"""What the keys and values of a dialogue are compressed by: what the model needs to repeat it, whatever is asked."""
KINDS = 64
"""Plans of which it is remembered what they allow."""
ROOM = 4096
"""Tokens that are expected behind a context, where a plan makes its positions for so many."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What is to be read of a prompt. ids: behind `behind` tokens of a context that the session has read, None for
    none. window: as the session has it. notes: why it is not less."""

    ids: list[int]
    session: Session | None = None
    behind: int = 0
    context: str = ""
    window: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def tokens(self) -> int:
        """Of the whole prompt."""
        return self.behind + len(self.ids)


class LocalDesk:
    """Answers by one model on one worker.

    name: by which clients know it. plan: where they name none. shelf: where contexts are kept, None for memory alone.
    compacting: the policy by which dialogues are compacted where a request names no plan.
    """

    def __init__(
        self,
        model: Model,
        *,
        name: str = "",
        plan: Plan | str | None = None,
        limits: Limits | None = None,
        shelf: Shelf | None = None,
        compacting: str = COMPACTING,
    ) -> None:
        self.model, self.limits = model, limits or Limits()
        self.plan = str(Plan.of(plan))
        self._name, self._created = name or model.name, int(time.time())
        self._each = bytes_a_token(model.seam)
        admission = Admission(limit=self.limits.memory, waiting=self.limits.waiting, each=self.limits.each)
        self.worker = Worker(model, chunk=self.limits.chunk, admission=admission)
        self._kinds: dict[str, Session] = {}
        self._contexts, self._compacting = Contexts(model, self.worker, shelf), compacting
        self._flows = Flows(self, seconds=self.limits.seconds)

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
        stuck = ["the model has not moved for a minute"] if worker.stuck else []
        return State(
            ready=not worker.closing and not worker.stuck,
            problems=(*stuck, *self._contexts.problems),
            running=worker.running,
            waiting=worker.waiting,
            held_bytes=worker.held_bytes,
            limit_bytes=self.limits.memory,
            disk_bytes=self._contexts.disk_bytes,
            contexts=len(self._contexts),
        )

    async def count(self, asked: Asked) -> int:
        """Tokens of a prompt."""
        past = self._past(asked)
        return len((await aside(lambda: self._prompt(asked, past))).ids)

    async def ask(self, asked: Asked) -> Ticket:
        """Takes a request in."""
        if asked.flow is not None:
            return await self._flows.ask(asked, await self._known(asked))
        past, calling = self._past(asked), Calling.of(self.model.tokenizer, asked)
        kind = await self._kind(past.plan if past is not None and asked.plan is None else asked.plan)
        drawn = await aside(lambda: calling.drawn(asked.generation))
        prompt = await aside(lambda: self._prompt(asked, past))
        found = await self._gone_on(past, kind, prompt)
        try:
            limit = self._limit(asked, found.window, kind, found.tokens)
        except Refused:
            self._give_up(found.session)
            raise
        ticket = LocalTicket(self.worker.wake)
        job = Job(
            owner=asked.owner,
            ids=found.ids,
            plan=str(kind.plan),
            ticket=ticket,
            session=found.session,
            behind=found.behind,
            context=found.context,
            key=self._key(asked.owner, kind, found.tokens + limit, found.context),
            count=asked.count if limit else 0,
            generation={**drawn, "max_new_tokens": max(1, limit), "reasoning": prompt.reasoning},
            echo=asked.echo,
            open=(asked.echo and not limit)
            or (found.session is not None and past is not None and past.compacted),
            bytes=self._each * (found.tokens + asked.count * limit),
            deadline=self._deadline(asked.seconds),
        )
        self._submit(job)
        return Piped(
            ticket,
            lambda events: cited(
                noted(calling.events(events, prompt.reasoning, drawn, ticket.enough.add), found.notes),
                asked,
                prompt.documents,
            ),
        )

    async def read(
        self, owner: str, documents: Sequence[Document], *, name: str = "", plan: str | None = None
    ) -> Ticket:
        """Reads documents into a context."""
        if not documents:
            raise Refused("a context has no documents; send text or a file", param="text")
        kind = await self._kind(plan)
        policy = kind.plan.policy
        if policy is not None and policy.guided:
            raise Refused(
                f"the plan {str(kind.plan)!r} forgets by the question, which is not known yet; make the context under "
                "another plan",
                param="plan",
            )
        turn = Turn(role="user", documents=tuple(documents))
        name = name or documents[0].name
        asked = Asked(owner=owner, turns=(turn,))
        return await self._keeping(asked, kind, name=name, param="text")

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
        """Reads a dialogue, compresses its keys and values, and keeps them as a context."""
        asked = Asked(
            owner=owner, turns=turns, context=context, functions=functions, variables=variables or {}
        )
        past = self._past(asked)
        kind = await self._kind(None if past is None else past.plan)
        if plan is not None:
            chosen = str((await self._kind(plan)).plan)
        elif kind.plan.policy is not None:
            chosen = str(kind.plan)
        else:
            chosen = str((await self._kind(f"{kind.plan} {self._compacting}".strip())).plan)
        if Calling.of(self.model.tokenizer, asked).family.generic:
            asked = replace(asked, functions=())  # they are told with what follows
        whole = asked if past is None else past.before(asked)
        return await self._keeping(whole, kind, past=past, compacted=chosen, param="input")

    async def contexts(self, owner: str) -> Sequence[Kept]:
        """What this owner has, used last first."""
        return self._contexts.kept(owner)

    async def text_of(self, owner: str, context: str) -> Sequence[Document]:
        """The documents that a context holds."""
        return self._contexts.of(owner, context).documents

    async def forget(self, owner: str, context: str) -> None:
        """Deletes a context."""
        await self._contexts.forget(owner, context)

    async def close(self, grace: float) -> None:
        """Lets what runs end, then ends it."""
        self.worker.drain()
        until = time.monotonic() + grace
        while (self.worker.running or self.worker.waiting) and time.monotonic() < until:
            await asyncio.sleep(0.05)
        await aside(self.worker.close)
        await aside(self._contexts.close)

    async def _keeping(
        self,
        asked: Asked,
        kind: Session,
        *,
        param: str,
        name: str = "",
        past: Past | None = None,
        compacted: str = "",
    ) -> Ticket:
        """Reads turns up to the end of what the last one says, and keeps what was read."""
        owner = asked.owner
        prompt = await aside(lambda: (whole := self._prompt(asked, None)).upto(whole.ends[-1]))
        found = await self._gone_on(past, kind, prompt)
        window = found.window or kind.window
        if window is not None and found.tokens >= window:
            self._give_up(found.session)
            raise self._overlong(found.tokens, 1, window, kind, param)
        ticket = LocalTicket(self.worker.wake)
        kept = Past(
            id=fresh_id(),
            owner=owner,
            name=name,
            plan=compacted or str(kind.plan),
            turns=tuple(asked.turns),
            parts=prompt.parts,
            created=time.time(),
            compacted=bool(compacted),
            compacted_from=None if past is None else past.id,
        )

        def keeps(session: Session, used: Used) -> None:
            def told(context: str, notes: tuple[str, ...]) -> None:
                ticket.put(Made(id=context))
                ticket.put(Done(used=used, notes=(*found.notes, *notes)))

            self._contexts.keep(kept, session, told)

        job = Job(
            owner=owner,
            ids=found.ids,
            plan=str(kind.plan),
            ticket=ticket,
            session=found.session,
            behind=found.behind,
            context=found.context,
            key=self._key(owner, kind, found.tokens + ROOM, found.context),
            count=0,
            keeps=keeps,
            compacted=compacted if compacted != str(kind.plan) else "",
            open=bool(compacted) and compacted != str(kind.plan),
            room=ROOM,
            bytes=self._each * found.tokens,
            deadline=self._deadline(None),
        )
        self._submit(job)
        return ticket

    def _submit(self, job: Job) -> None:
        try:
            self.worker.submit(job)
        except Refused:
            self._give_up(job.session)
            raise

    def _give_up(self, session: Session | None) -> None:
        """Gives the memory of a session back that nobody goes on from."""
        if session is not None:
            self.worker.call(session.close, quick=True)

    def _deadline(self, seconds: float | None) -> float:
        return time.monotonic() + min(seconds or self.limits.seconds, self.limits.seconds)

    def _past(self, asked: Asked) -> Past | None:
        return None if asked.context is None else self._contexts.of(asked.owner, asked.context)

    async def _gone_on(self, past: Past | None, kind: Session, prompt: Prompted) -> Found:
        """What is to be read of a prompt, behind what was read of its context."""
        if past is None:
            return Found(ids=await aside(lambda: prompt.ids))
        if past.plan != str(kind.plan) and not past.compacted:
            read, now = past.plan or "no plan", str(kind.plan) or "none"
            note = f"the context is read again: it was read under {read} and not {now}"
        elif (rest := await aside(lambda: prompt.behind(past.parts))) is None:
            note = "the context is read again: functions or variables of the template stand before it"
        elif (session := await self._contexts.gone_on_from(past)) is None:
            note = "the context is read again: only its text was kept"
        else:
            behind = session.seen[0]
            return Found(ids=rest, session=session, behind=behind, context=past.id, window=past.window)
        return Found(ids=await aside(lambda: prompt.ids), notes=(note,))

    def _prompt(self, asked: Asked, past: Past | None) -> Prompted:
        if asked.model not in (None, "", self._name):
            raise Refused(
                f"no model {asked.model!r}; this server has {self._name!r}",
                kind="missing",
                code="model_not_found",
                param="model",
            )
        calling = Calling.of(self.model.tokenizer, asked)
        told = calling.told(asked)
        return prompted(self.model.tokenizer, told if past is None else calling.told(past.before(told)))

    async def _kind(self, plan: str | None) -> Session:
        """An empty session under a plan, which knows its window. Raises Refused for a plan that cannot be."""
        if plan is not None:
            check_plan(plan)
        try:
            text = self.plan if plan is None else str(Plan.of(plan))
            if text not in self._kinds:
                made = self.worker.call(lambda: self.model.session(text or None, chunk=self.limits.chunk))
                self._kinds[text] = await asyncio.wrap_future(made)
                if len(self._kinds) > KINDS:  # clients may think of any number
                    del self._kinds[next(each for each in self._kinds if each not in (self.plan, text))]
        except (LongspanError, ValueError) as error:
            raise Refused(str(error), param="longspan.plan") from None
        return self._kinds[text]

    async def _known(self, asked: Asked) -> Known:
        """What a flow may know of the model under the plan of a request."""
        kind = await self._kind(asked.plan)
        return Known(
            count=self.model.count,
            window=kind.window,
            well=effective_window(self.model.digest, str(kind.plan)),
            forms=True,
            likelihoods=True,
        )

    def _limit(self, asked: Asked, window: int | None, kind: Session, tokens: int) -> int:
        """Tokens of an answer. Raises Overlong where it does not fit."""
        wanted = asked.generation.get("max_new_tokens")
        if wanted == 0 and asked.echo:
            return 0
        window = window or kind.window
        if window is None:
            return wanted or self.limits.answer
        room = window - tokens
        if room < 1 or (wanted or 0) > room:
            param = "prompt" if asked.prompt is not None else "messages"
            raise self._overlong(tokens, wanted or 1, window, kind, param)
        return wanted or min(self.limits.answer, room)

    def _overlong(self, tokens: int, answer: int, window: int, kind: Session, param: str) -> Overlong:
        if answer > 1 and tokens < window:
            advice = f"ask for an answer of {window - tokens:,} tokens or fewer"
        else:
            error = window_exceeded(tokens, answer, window, self.model.seam, streams=kind.plan.streams)
            advice = str(error).partition("; ")[2]
        return Overlong(tokens=tokens + answer, maximum=window, advice=advice, param=param)

    def _key(self, owner: str, kind: Session, length: int, context: str) -> str:
        """Under which what is read may be found again, "" where it depends on what follows."""
        plan = kind.plan
        if plan.policy is not None and plan.policy.guided:
            return ""
        positions = kind.batch.sequences[0].positions(length)
        growing = [each.rope.at(length).inv_freq for each in self.model.seam.layers if each.rope.growing]
        turned = blake2b(b"".join(each.cpu().numpy().tobytes() for each in growing), digest_size=8)
        return "\0".join([owner, str(plan), repr(positions), turned.hexdigest(), context])
