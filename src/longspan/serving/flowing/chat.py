"""A desk as what flows ask."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, Unpack

from longspan.errors import LongspanError, WindowExceeded
from longspan.flows.chat import Failed, Message, Reply
from longspan.flows.choosing import VERDICT, Chosen, by_likelihood, by_words
from longspan.running.generation import MAX_NEW_TOKENS, Generation
from longspan.serving.asked import Asked, Turn
from longspan.serving.desk import Desk
from longspan.serving.events import Done, Ended, Read, Spoken, Used
from longspan.serving.flowing.tally import Tally
from longspan.serving.refused import Overlong, Refused, refusal
from longspan.serving.ticket import LocalTicket
from longspan.spans import split_reasoning
from longspan.spans.logprobs import Logprobs
from longspan.usage import Usage

T = TypeVar("T")
_LIKELIEST = 20
_BUSY = ("rate", "overloaded")
_PAUSE = 0.25
_LONGEST_PAUSE = 10.0


class Left(BaseException):
    """Nobody wants the answer any more: no flow is to catch it."""


class Mouth:
    """Where the final answer goes, piece by piece; flows take it for a function of text.

    said: all of the answer that was told so far, without what was reasoned.
    """

    def __init__(self, ticket: LocalTicket) -> None:
        self._ticket, self.said, self.reasoned = ticket, "", ""

    def __call__(self, text: str) -> None:
        self.take(Spoken(index=0, text=text))

    def take(self, event: Spoken) -> None:
        """A piece, as the model said it."""
        if event.reasoning:
            self.reasoned += event.text
        else:
            self.said += event.text
        self._ticket.put(replace(event, index=0))


@dataclass(kw_only=True)
class _Heard:
    """One reply as it comes together."""

    text: str = ""
    reasoning: str = ""
    logprobs: list[Logprobs] = field(default_factory=list)
    ended: Ended | None = None
    used: Used = field(default_factory=Used)


class Asking:
    """A chat over a desk, asked by the thread of one flow while the desk's loop goes on.

    asked: the request, for whose owner and under whose plan all is asked. together: requests at a time. until: when all
    must be done, by `time.monotonic`. Raises `Left` from whatever is called once `ticket` was cancelled.
    """

    def __init__(
        self,
        desk: Desk,
        asked: Asked,
        ticket: LocalTicket,
        tally: Tally,
        *,
        loop: asyncio.AbstractEventLoop,
        count: Callable[[str], int] | None,
        longest: int | None,
        forms: bool,
        likelihoods: bool,
        together: int,
        until: float,
    ) -> None:
        self._desk, self._asked, self._ticket, self._tally = desk, asked, ticket, tally
        self._loop, self._count, self._likelihoods, self._until = loop, count, likelihoods, until
        self._gate = asyncio.Semaphore(together)
        self._numbers = iter(range(1 << 62))
        self._going: set[asyncio.Task[Any]] = set()
        self._system = [each for each in asked.turns[:1] if each.role == "system"]
        beside = sum(self.count_tokens(each.text) + 8 for each in self._system)
        self.longest, self.forms = None if longest is None else longest - beside, forms

    @property
    def identity(self) -> str:
        """The model and the plan."""
        return json.dumps([self._desk.offers[0].id, self._asked.plan])

    def count_tokens(self, text: str) -> int:
        """Tokens of a text."""
        self._check()
        if self._count is not None:
            return self._count(text)
        if not text:
            return 0
        return self._on_loop(self._desk.count(Asked(owner=self._asked.owner, prompt=text)))

    def generate(
        self,
        messages: Sequence[Message],
        *,
        stream: Callable[[str], None] | None = None,
        **generation: Unpack[Generation],
    ) -> Reply:
        """The reply, as `Chat.generate` says. Raises WindowExceeded, and Refused for what else goes wrong."""
        return self._on_loop(self._reply(messages, generation, stream))

    def generate_all(
        self, prompts: Sequence[Sequence[Message]], **generation: Unpack[Generation]
    ) -> list[Reply | Failed]:
        """Replies to independent messages, some side by side."""

        async def one(messages: Sequence[Message]) -> Reply | Failed:
            try:
                return await self._reply(messages, generation, None)
            except Refused as refused:
                if refused.kind not in ("invalid", "failed"):
                    raise
                return Failed(reason=str(refused))
            except LongspanError as error:
                return Failed(reason=str(error))

        async def every() -> list[Reply | Failed]:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(messages)) for messages in prompts]
            return [each.result() for each in tasks]

        return self._on_loop(every())

    def choose_all(
        self, prompts: Sequence[Sequence[Message]], options: Sequence[str]
    ) -> list[Chosen | Failed]:
        """By the likelihood of the first token where it is told, else by what is said."""
        if self._likelihoods:
            replies = self.generate_all(prompts, max_new_tokens=1, logprobs=_LIKELIEST)
        else:
            replies = self.generate_all(prompts, max_new_tokens=VERDICT)
        return [each if isinstance(each, Failed) else _chosen(each, options) for each in replies]

    def leave(self) -> None:
        """Ends what is asked at the moment; called by the loop."""
        for task in self._going:
            task.cancel()

    def _check(self) -> None:
        if self._ticket.cancelled or self._ticket.stale:
            raise Left

    def _on_loop(self, work: Coroutine[Any, Any, T]) -> T:
        """What comes of work on the loop, waited for by the flow's thread."""
        try:
            self._check()
        except Left:
            work.close()
            raise

        async def watched() -> T:
            task = asyncio.ensure_future(work)
            self._going.add(task)
            try:
                if self._ticket.cancelled:
                    task.cancel()
                return await task
            except asyncio.CancelledError:
                raise Left from None
            except BaseExceptionGroup as several:
                raise _first(several) from None
            finally:
                self._going.discard(task)

        return asyncio.run_coroutine_threadsafe(watched(), self._loop).result()

    async def _reply(
        self, messages: Sequence[Message], generation: Generation, stream: Callable[[str], None] | None
    ) -> Reply:
        turns = tuple(Turn(role=each["role"], text=each["content"]) for each in messages)
        given: Generation = {"max_new_tokens": MAX_NEW_TOKENS, **generation}
        given.pop("reasoning", None)  # found out by the desk
        asked = replace(
            self._asked,
            turns=(*self._system, *turns),
            generation=given,
            context=None,
            flow=None,
            cite=False,
            count=1,
        )
        async with self._gate:
            heard = await self._patiently(asked, stream)
        reasoning, text = split_reasoning(heard.text, exact=given.get("form") is not None)
        ended, used = heard.ended, heard.used
        if ended is not None:
            self._tally.ended(text, ended)
        return Reply(
            text=text,
            reasoning=heard.reasoning or reasoning,
            usage=Usage(
                prompt_tokens=used.prompt_tokens,
                generated_tokens=used.generated_tokens,
                kv_bytes=used.bytes_held,
                peak_kv_bytes=used.bytes_held,
                prefill_seconds=used.prefill_seconds,
                decode_seconds=used.decode_seconds,
            ),
            logprobs=tuple(heard.logprobs),
            complete=ended is None or ended.complete,
            cut=ended is not None and ended.why == "length",
        )

    async def _patiently(self, asked: Asked, stream: Callable[[str], None] | None) -> _Heard:
        """What comes of a request, which waits where the desk has too much to do, and is not told twice."""
        pause = _PAUSE
        while True:
            left = self._until - time.monotonic()
            if left <= 0:
                raise Refused(
                    "the flow was not done in its time; ask about less, or give requests more time",
                    kind="timeout",
                )
            heard = _Heard()
            try:
                await self._hear(replace(asked, seconds=left), heard, stream)
                return heard
            except Overlong as error:
                raise WindowExceeded(str(error)) from None
            except Refused as refused:
                if refused.kind not in _BUSY or heard.text or not self._desk.state.ready:
                    raise
                wanted = min(_LONGEST_PAUSE, refused.retry_after or pause)
                await asyncio.sleep(min(max(wanted, pause), max(0.0, left)))
                pause = min(_LONGEST_PAUSE, 2 * pause)

    async def _hear(self, asked: Asked, heard: _Heard, stream: Callable[[str], None] | None) -> None:
        number, ticket = next(self._numbers), await self._desk.ask(asked)
        try:
            async for event in ticket:
                if isinstance(event, Read):
                    self._tally.read(number, event)
                elif isinstance(event, Spoken):
                    self._spoken(event, heard, stream)
                elif isinstance(event, Ended):
                    heard.ended = event
                elif isinstance(event, Done):
                    heard.used = event.used
                    self._tally.took(event.used)
        finally:
            ticket.cancel()

    def _spoken(self, event: Spoken, heard: _Heard, stream: Callable[[str], None] | None) -> None:
        if event.reasoning:
            heard.reasoning += event.text
        else:
            heard.text += event.text
        heard.logprobs += event.logprobs
        if isinstance(stream, Mouth):
            stream.take(event)
        elif stream is not None and not event.reasoning:
            stream(event.text)


def _chosen(reply: Reply, options: Sequence[str]) -> Chosen:
    if reply.logprobs:
        return Chosen(shares=by_likelihood(reply.logprobs[0], options), usage=reply.usage)
    return Chosen(shares=by_words(reply.text, options), usage=reply.usage)


def _first(several: BaseExceptionGroup[BaseException]) -> BaseException:
    """What is told of several errors: the first of them."""
    error = several.exceptions[0]
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error if isinstance(error, LongspanError | Left) else refusal(error)
