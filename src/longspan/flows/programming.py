"""Flows in which the model writes programs: their parameters, and what becomes of a run."""

from __future__ import annotations

from dataclasses import dataclass, replace

from longspan.flows.base import Events, Flow, concluded
from longspan.flows.chat import Chat, Reply
from longspan.flows.seen import Seen
from longspan.flows.subcalls import Budget
from longspan.parameters import check_choice, check_range, check_whole
from longspan.sandbox import KINDS
from longspan.sandbox.opening import Choice
from longspan.spans import Answer


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a run came to. answer: empty where none was reached. confidences: in percent, of the turns that said one."""

    answer: str
    reply: Reply
    confidences: tuple[float, ...] = ()
    length: int = 0


@dataclass(frozen=True, kw_only=True)
class Programming(Flow):
    """Base of flows in which the documents are a variable and the model writes programs."""

    turns: int = 30
    """Turns at most, each a reply with its programs."""

    turn: int = 2048
    """Tokens of a turn's reply at most, half of what the chat has where that is less."""

    subcalls: int = 50
    """Sub-calls of all programs together."""

    reply: int = 1024
    """Tokens of a sub-call's reply at most."""

    tokens: int = 1_000_000
    """Tokens that turns and sub-calls may read and generate; when they are spent, the answer is asked for."""

    output: int = 20_000
    """Characters of a program's output that are shown, fewer where they take more than a quarter of the window."""

    seconds: float = 10.0
    """Seconds of a program, without those in which it waits for sub-calls."""

    depth: int = 1
    """How deep runs lie in each other: 1 where all sub-calls are plain."""

    compaction: float = 0.85
    """Share of the window from which the turns so far are summarized."""

    helpers: bool = False
    """Whether programs get find, window and ask instead of sub-calls, for small models, with a shorter prompt."""

    sandbox: Choice = "auto"
    """Where programs run: auto, monty or locked."""

    def __post_init__(self) -> None:
        for name in ("turns", "turn", "reply", "tokens", "depth"):
            check_whole(name, getattr(self, name), 1)
        check_whole("subcalls", self.subcalls, 0)
        check_whole("output", self.output, 100)
        check_range("seconds", self.seconds, 0.1)
        check_range("compaction", self.compaction, 0.1, 1.0)
        check_choice("sandbox", self.sandbox, ("auto", *KINDS))

    def ended(
        self, run: Run, question: str, seen: Seen, budget: Budget, chat: Chat, events: Events
    ) -> Answer:
        """The answer that a run came to, with what was shown to models as what was read."""
        text = run.answer or f"No answer was reached in {self.turns:,} turns."
        events.stream(text)
        said = replace(run.reply, text=text, logprobs=())
        return replace(
            concluded(said, question, seen.spans, budget.usages, unread=seen.unread, count=chat.count_tokens),
            unread=(),
        )
