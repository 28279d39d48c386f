"""Requests that name a flow, on any desk."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from longspan.errors import LongspanError
from longspan.flows.auto import chosen_flow
from longspan.flows.base import Events, Flow
from longspan.notation import Call, Word
from longspan.parts import build
from longspan.running.generation import MAX_NEW_TOKENS, Generation
from longspan.serving.asked import Asked
from longspan.serving.desk import Desk, Ticket
from longspan.serving.events import Done, Spoken
from longspan.serving.flowing.chat import Asking, Left, Mouth
from longspan.serving.flowing.tally import Tally
from longspan.serving.harmless import flow_call
from longspan.serving.piping import Piped, aside, noted
from longspan.serving.refused import Refused, refusal
from longspan.serving.ticket import LocalTicket
from longspan.spans import Answer, Document

_WHERE = "longspan.flow"
_NOTES = 100
_UNBOUNDED = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Known:
    """What flows may know of a desk beyond its contract.

    count: tokens of a text, at once; None where the desk is to be asked. window: tokens of prompt and answer under the
    plan of the request. well: up to how many the model was found to read well. forms: whether answers can be held to a
    form. likelihoods: whether those of first tokens are told.
    """

    count: Callable[[str], int] | None = None
    window: int | None = None
    well: int | None = None
    forms: bool = False
    likelihoods: bool = False


class Flows:
    """Answers by flows, each on a thread of its own, whose requests go to the desk like any other.

    together: requests of one flow at a time. limit: flows at a time; each: of one owner. seconds: that one may take.
    """

    def __init__(
        self, desk: Desk, *, together: int = 4, limit: int = 16, each: int = 8, seconds: float = 3600.0
    ) -> None:
        self._desk, self._together, self._limit, self._seconds = desk, together, limit, seconds
        self._each, self._going = each, Counter[str]()

    async def ask(self, asked: Asked, known: Known) -> Ticket:
        """A ticket for a request with a flow. Raises Refused where it names none, or asks for what flows do not do."""
        call = await aside(lambda: _call(asked.flow or ""))
        documents, note = await self._documents(asked), ""
        if call.name == "auto" and documents:
            call, note = await self._chosen(asked, documents, known)
        if call.name == "passages":
            call = Call("best-passages", {"tokens": Word(str(known.window or _UNBOUNDED))})
        if call.name in ("direct", "auto"):
            ticket = await self._desk.ask(replace(asked, flow=None))
            return Piped(ticket, lambda events: noted(events, (note,))) if note else ticket
        flow = await aside(lambda: _built(call))
        _check(asked, documents)
        if self._going[asked.owner] >= self._each:
            raise Refused(
                f"{self._going[asked.owner]} of your flows run already; try again later",
                kind="rate",
                code="rate_limit_exceeded",
                retry_after=10,
            )
        if self._going.total() >= self._limit:
            raise Refused(
                f"{self._going.total()} flows run already; try again later",
                kind="overloaded",
                code="overloaded",
                retry_after=10,
            )
        return _Flowing(self, asked, flow, documents, known, (note,) if note else ()).ticket

    async def _documents(self, asked: Asked) -> list[Document]:
        held = [] if asked.context is None else await self._desk.text_of(asked.owner, asked.context)
        shown = [document for turn in asked.turns for document in turn.documents]
        return list(dict.fromkeys([*held, *shown]))

    async def _chosen(self, asked: Asked, documents: Sequence[Document], known: Known) -> tuple[Call, str]:
        """The flow that suits, and why."""
        if known.count is not None:
            count = known.count
            tokens = await aside(lambda: sum(count(each.text) for each in documents))
        else:
            prompts = [Asked(owner=asked.owner, prompt=each.text) for each in documents if each.text]
            tokens = sum([await self._desk.count(each) for each in prompts])
        reply = asked.generation.get("max_new_tokens", MAX_NEW_TOKENS)
        choice = chosen_flow(
            _question(asked), tokens=tokens, reply=reply, window=known.window, effective=known.well
        )
        return Call(choice.flow), choice.reason


class _Flowing:
    """One flow on its way."""

    def __init__(
        self,
        flows: Flows,
        asked: Asked,
        flow: Flow,
        documents: Sequence[Document],
        known: Known,
        notes: tuple[str, ...],
    ) -> None:
        self._flows, self._asked, self._flow, self._documents = flows, asked, flow, documents
        self._notes = [*notes, *_left_out(asked)]
        self._loop = asyncio.get_running_loop()
        self.ticket = LocalTicket(self._leave)
        self._tally, self._mouth = Tally(self.ticket.put), Mouth(self.ticket)
        self._chat: Asking | None = None
        self._known = known
        self._until = time.monotonic() + min(asked.seconds or flows._seconds, flows._seconds)
        self._alarm = self._loop.call_later(self._until - time.monotonic(), self._late)
        flows._going[asked.owner] += 1
        threading.Thread(target=self._run, name="longspan-flow", daemon=True).start()

    def _leave(self) -> None:
        if self._chat is not None:
            self._loop.call_soon_threadsafe(self._chat.leave)

    def _late(self) -> None:
        if not self.ticket.ended:
            self._put_end(Refused("the flow was not done in its time; ask about less", kind="timeout"))
            self.ticket.cancelled = True
            self._leave()

    def _run(self) -> None:
        try:
            self._say(self._answer())
        except Left:
            self._put_end(Refused("nobody waits for the answer any more", kind="timeout"))
        except Refused as refused:
            self._put_end(refused)
        except LongspanError as error:
            self._put_end(Refused(str(error), code="flow_failed", param=_WHERE))
        except BaseException as error:
            self._put_end(refusal(error))
        finally:
            with suppress(RuntimeError):  # the loop is closed, and nobody counts any more
                self._loop.call_soon_threadsafe(self._ended)

    def _ended(self) -> None:
        self._alarm.cancel()
        going = self._flows._going
        going[self._asked.owner] -= 1
        if not going[self._asked.owner]:
            del going[self._asked.owner]

    def _put_end(self, refused: Refused) -> None:
        if not self.ticket.ended:
            self.ticket.put(refused)

    def _answer(self) -> Answer:
        known, flows = self._known, self._flows
        self._chat = Asking(
            flows._desk,
            self._asked,
            self.ticket,
            self._tally,
            loop=self._loop,
            count=known.count,
            longest=known.window,
            forms=known.forms,
            likelihoods=known.likelihoods,
            together=flows._together,
            until=self._until,
        )
        generation: Generation = {**self._asked.generation}
        generation.setdefault("max_new_tokens", MAX_NEW_TOKENS)
        events = Events(step=self._notes.append, stream=self._mouth, generation=generation)
        return self._flow.answer(self._chat, self._documents, _question(self._asked), events)

    def _say(self, answer: Answer) -> None:
        """What was not told on the way, and the end."""
        if answer.reasoning and not self._mouth.reasoned and not self._mouth.said:
            self._mouth.take(Spoken(index=0, text=answer.reasoning, reasoning=True))
        said, text = self._mouth.said.strip(), answer.text.strip()
        if text.startswith(said):
            if rest := text[len(said) :]:
                self._mouth(rest)
        elif said != text and "</think>" not in said:
            self._notes.append("the flow settled on another answer than it said first")
            self._mouth(f"\n\n{text}")
        ended = self._tally.end_of(answer.text)
        citations = answer.citations if self._asked.cite else ()
        self.ticket.put(replace(ended, index=0, complete=answer.complete, citations=citations))
        for unread in answer.unread:
            place = unread.span.document.describe(unread.span.start, unread.span.end)
            self._notes.append(f"not read: {place}: {unread.reason}")
        if len(self._notes) > _NOTES:
            more = len(self._notes) - _NOTES
            self._notes[_NOTES:] = [f"and {more:,} more of these"]
        used = self._tally.used(answer.usage.truncated_tokens)
        self.ticket.put(Done(used=used, notes=tuple(self._notes)))


def _call(text: str) -> Call:
    """The flow by its text, or one of the words that the command knows besides."""
    return Call(text) if text in ("auto", "direct", "passages") else flow_call(text)


def _built(call: Call) -> Flow:
    try:
        flow: Flow = build("flow", call)
    except LongspanError as error:
        raise Refused(str(error), code="invalid_value", param=_WHERE) from None
    return flow


def _question(asked: Asked) -> str:
    return next((each.text for each in reversed(asked.turns) if each.role == "user"), "")


def _left_out(asked: Asked) -> list[str]:
    """What of a request a flow is not shown."""
    earlier = [each for each in asked.turns[:-1] if each.role != "system" and each.text]
    if not earlier:
        return []
    return [f"the flow read the documents and the last question, and not the {len(earlier)} turns before it"]


def _check(asked: Asked, documents: Sequence[Document]) -> None:
    """Raises Refused for what flows do not do."""
    if asked.prompt is not None:
        raise Refused("flows answer chats, and this is a prompt; send messages", param=_WHERE)
    if asked.functions and asked.choice != "none":
        raise Refused("flows call no functions; leave tools out, or the flow", param="tools")
    if asked.count > 1:
        raise Refused("flows give one answer; leave n out", param="n")
    if asked.prefill:
        raise Refused("flows begin their answer; leave the last turn of the assistant out", param="messages")
    if not _question(asked).strip():
        raise Refused("a flow needs a question, the last words of the user", param="messages")
    if not any(each.text.strip() for each in documents):
        raise Refused(
            "a flow needs documents; send longspan.documents, or name a context with longspan.context",
            param=_WHERE,
        )
