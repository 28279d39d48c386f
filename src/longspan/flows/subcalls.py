"""What programs may ask of the host: models, within a budget, and places in the text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from longspan.errors import LongspanError
from longspan.flows.base import OVERHEAD
from longspan.flows.chat import Chat, Failed, Message, Reply
from longspan.flows.prompting import enclosed, prompt
from longspan.flows.replies import NOTHING
from longspan.flows.seen import Seen
from longspan.sandbox import CallFailed, Function, Json
from longspan.spans import relevance
from longspan.usage import Usage

BATCH = 20
"""Prompts of one batch."""

_CAPACITY = 100_000
_PER_TOKEN = 3
_PIECE = 400
_WINDOW = 1_200
_FOUND = 5


@dataclass
class Budget:
    """What is left for all turns and sub-calls of a run. usages: what each took."""

    calls: int
    tokens: int
    usages: list[Usage] = field(default_factory=list)

    def take(self, usage: Usage) -> None:
        """Pays for a reply."""
        self.usages.append(usage)
        self.tokens -= usage.prompt_tokens + usage.generated_tokens

    def call(self, count: int) -> None:
        """Pays for sub-calls. Raises CallFailed where there is not enough left."""
        if count > self.calls:
            raise CallFailed(
                f"{count:,} sub-calls are asked for, {self.calls:,} are left; answer with what you have"
            )
        if self.tokens <= 0:
            raise CallFailed("all tokens are spent; answer with what you have")
        self.calls -= count


@dataclass(frozen=True, kw_only=True)
class Subcalls:
    """Plain and recursive sub-calls, and the names of variables.

    reply: tokens of a reply at most. recurse: answers a prompt in a session of its own; None where depth is spent, so
    that a plain sub-call does it. names: what programs have bound so far.
    """

    chat: Chat
    budget: Budget
    seen: Seen
    reply: int
    recurse: Callable[[str], str] | None = None
    names: list[str] = field(default_factory=list)

    @property
    def capacity(self) -> int:
        """Characters that a prompt may have, as a rule of thumb."""
        if self.chat.longest is None:
            return _CAPACITY
        return max(_PER_TOKEN, min(_CAPACITY, _PER_TOKEN * (self.chat.longest - self.reply - OVERHEAD)))

    def functions(self) -> dict[str, Function]:
        """What programs call."""
        one = Function(call=self.query, takes={"prompt": "text"}, needs=1)
        some = Function(call=self.batched, takes={"prompts": "texts"}, needs=1)
        deep = Function(call=self.deeper, takes={"prompt": "text"}, needs=1)
        deeper = Function(call=self.deeper_batched, takes={"prompts": "texts"}, needs=1)
        return {
            "llm_query": one,
            "llm_query_batched": some,
            "rlm_query": deep if self.recurse else one,
            "rlm_query_batched": deeper if self.recurse else some,
            "SHOW_VARS": Function(call=lambda: list(self.names)),
        }

    def query(self, prompt: str) -> str:
        """The reply to one prompt."""
        self.budget.call(1)
        return self._replies([prompt])[0]

    def batched(self, prompts: list[str]) -> list[Json]:
        """Replies to independent prompts, in their order. Raises CallFailed where one of them failed."""
        if len(prompts) > BATCH:
            raise CallFailed(
                f"{len(prompts):,} prompts in a batch, allowed are {BATCH}; make several batches"
            )
        self.budget.call(len(prompts))
        return list(self._replies(prompts)) if prompts else []

    def deeper(self, prompt: str) -> str:
        """The answer to one prompt, by a run of its own."""
        if self.recurse is None:
            return self.query(prompt)
        self.budget.call(1)
        try:
            return self.recurse(prompt)
        except LongspanError as error:
            raise CallFailed(str(error)) from None

    def deeper_batched(self, prompts: list[str]) -> list[Json]:
        """Answers to several prompts, each by a run of its own."""
        return [self.deeper(each) for each in prompts]

    def _replies(self, prompts: Sequence[str]) -> list[str]:
        asked = [[Message(role="user", content=each)] for each in prompts]
        for each in prompts:
            self.seen.add(each)
        replies = self.chat.generate_all(asked, max_new_tokens=self.reply)
        for reply in replies:
            if isinstance(reply, Reply):
                self.budget.take(reply.usage)
        failed = [(number, each.reason) for number, each in enumerate(replies) if isinstance(each, Failed)]
        if failed:
            number, reason = failed[0]
            which = (
                "it" if len(prompts) == 1 else f"{len(failed)} of {len(prompts)}, the first number {number},"
            )
            raise CallFailed(f"{which} could not be answered: {reason}")
        return [each.text for each in replies if isinstance(each, Reply)]


@dataclass(frozen=True, kw_only=True)
class Places:
    """Three functions for models that write little code: find, window and ask. text: what they look at."""

    text: str
    subcalls: Subcalls

    def functions(self) -> dict[str, Function]:
        """What programs call."""
        return {
            "find": Function(call=self.find, takes={"words": "text"}, needs=1),
            "window": Function(call=self.window, takes={"position": "whole"}, needs=1),
            "ask": Function(call=self.ask, takes={"question": "text", "text": "text"}, needs=2),
        }

    def find(self, words: str) -> list[Json]:
        """Positions of the parts that speak most of these words, by BM25; none where no part has any."""
        starts = range(0, len(self.text), _PIECE)
        scores = relevance([self.text[start : start + _PIECE] for start in starts], words)
        ranked = sorted(zip(scores, starts, strict=True), key=lambda each: (-each[0], each[1]))
        return [start for score, start in ranked[:_FOUND] if score > 0]

    def window(self, position: int) -> str:
        """The text around a position, from the end of a line or word to another where there is one."""
        middle = max(0, min(position, len(self.text)))
        start = max(0, middle - (_WINDOW - _PIECE) // 2)
        return self.text[start : start + min(_WINDOW, self.subcalls.capacity)]

    def ask(self, question: str, text: str) -> str:
        """What a model reads in a text to a question."""
        message = prompt("rlm_ask", text=enclosed(text), nothing=NOTHING, question=question)
        return self.subcalls.query(message["content"])
