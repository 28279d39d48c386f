"""Compaction of an agent's messages: what is old becomes shorter, what the user said stays, word for word.

Cheapest first, as harnesses of agents do it: reasoning of past turns goes, old results of tools become a line that says
where they can be had again, the oldest replies become a summary; where that is not enough, it is refused with numbers.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from longspan.errors import WindowExceeded
from longspan.flows.chat import Message
from longspan.flows.prompting import enclosed, prompt
from longspan.parameters import check_range, check_whole

Entry = Mapping[str, Any]
"""A message as servers take it: role and content, tool_calls of an assistant, tool_call_id of a tool."""

HEADINGS = (
    "goal",
    "constraints from the user, verbatim",
    "decisions",
    "open items",
    "files and identifiers",
    "exact values",
    "next action",
)
_SUMMARY = re.compile(r"^\[Summary of ([\d,]+) earlier messages\]\n")
_CLEARED = "[Result cleared: "
_THINKING = re.compile(r"<think>.*?</think>\s*", re.DOTALL)
_REASONING = ("reasoning", "reasoning_content")

Summarise = Callable[[Sequence[Entry], int], str]
"""Messages, the summary of earlier ones among them, and tokens that a summary may take, to a summary."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was done. before, after: tokens. thoughts, results: messages whose reasoning or result went. summarised:
    messages that a summary stands for now. first: index of the first message that is another, None where none is."""

    before: int
    after: int
    thoughts: int = 0
    results: int = 0
    summarised: int = 0
    first: int | None = None


@dataclass(frozen=True, kw_only=True)
class Compaction:
    """When and how far messages are made shorter.

    Never changed are the system's words, every word of the user, and what comes before the first message that is. A
    call and its results stay or go together. Nothing is done up to `trigger` of the budget; then as much as is needed
    to come to `target`, so that it is not done each turn. A summary takes in the one before.
    """

    trigger: float = 0.9
    """Part of the budget up to which nothing is done."""

    target: float = 0.6
    """Part of the budget to come to."""

    results: int = 3
    """Last results of tools that are not cleared."""

    smallest: int = 48
    """Tokens of a result below which it is not cleared."""

    summary: int = 512
    """Tokens of a summary at most; a quarter of the budget where that is less."""

    recent: int = 4
    """Last messages that are not summarised."""

    def __post_init__(self) -> None:
        check_range("target", self.target, 0.01, self.trigger)
        check_range("trigger", self.trigger, self.target, 1)
        for name in ("results", "smallest", "recent"):
            check_whole(name, getattr(self, name), 0)
        check_whole("summary", self.summary, 1)

    def apply(
        self,
        messages: Sequence[Entry],
        budget: int,
        count: Callable[[Entry], int],
        *,
        summarise: Summarise | None = None,
        keep: Callable[[Entry], str] = lambda result: "call the tool again",
    ) -> tuple[list[Entry], Report]:
        """Messages that fit into a budget of tokens, and what was done to them.

        summarise: by whom; without it nothing is. One that is empty, or no shorter than what it stands for, is not
        taken. keep: told each result that is cleared, says where it can be had again. Raises WindowExceeded where they
        do not fit.
        """
        check_whole("budget", budget, 1)
        work = _Work(list(messages), count)
        before = work.tokens
        if before > self.trigger * budget:
            goal = int(self.target * budget)
            for step in (self._thoughts, lambda work, goal: self._results(work, goal, keep)):
                if work.tokens > goal:
                    step(work, goal)
            if summarise is not None and work.tokens > goal:
                self._summary(work, goal, budget, summarise)
        if work.tokens > budget:
            raise WindowExceeded(
                f"messages take {work.tokens:,} of {budget:,} tokens after all that can be made shorter; raise the "
                "window, or send fewer words"
            )
        return work.messages, Report(before=before, after=work.tokens, first=work.first, **work.done)

    def _thoughts(self, work: _Work, goal: int) -> None:
        """Reasoning of turns before the user's last words."""
        for at in range(_last_user(work.messages)):
            message = work.messages[at]
            if message["role"] == "assistant":
                bare = {name: value for name, value in message.items() if name not in _REASONING}
                if isinstance(message.get("content"), str):
                    bare["content"] = _THINKING.sub("", message["content"])
                if bare != message and work.replace(at, bare):
                    work.count_done("thoughts")

    def _results(self, work: _Work, goal: int, keep: Callable[[Entry], str]) -> None:
        """Old results of tools, the oldest first, until the goal is reached."""
        places = [at for at, each in enumerate(work.messages) if each["role"] == "tool"]
        for at in places[: len(places) - self.results]:
            result = work.messages[at]
            size = work.count(result)
            if work.tokens <= goal:
                return
            if size < self.smallest or str(result["content"]).startswith(_CLEARED):
                continue
            called = _call_of(work.messages, at)
            line = f"{_CLEARED}{called}, {size:,} tokens; {keep(result)}]"
            if work.replace(at, {**result, "content": line}):
                work.count_done("results")

    def _summary(self, work: _Work, goal: int, budget: int, summarise: Summarise) -> None:
        """The oldest replies and results, the user's words between them left, in a summary in the place of the last."""
        messages = work.messages
        longest = min(self.summary, budget // 4)
        ends = [end for end in _boundaries(messages) if end <= len(messages) - self.recent]
        best: list[int] = []
        for end in ends:
            best = [at for at in range(end) if messages[at]["role"] in ("assistant", "tool")]
            rest = work.tokens - sum(work.sizes[at] for at in best)
            if rest + longest <= goal:
                break
        fresh = [at for at in best if not _SUMMARY.match(str(messages[at].get("content") or ""))]
        if not fresh or sum(work.sizes[at] for at in best) <= longest // 2:
            return
        earlier = sum(_stands_for(messages[at]) for at in best)
        text = summarise([messages[at] for at in range(best[-1] + 1)], longest).strip()
        whole = {"role": "assistant", "content": f"[Summary of {earlier:,} earlier messages]\n{text}"}
        if text and work.count(whole) < sum(work.sizes[at] for at in best):
            work.fold(best, whole)
            work.count_done("summarised", earlier)


class _Work:
    """Messages at work, with their sizes."""

    def __init__(self, messages: list[Entry], count: Callable[[Entry], int]) -> None:
        self.messages, self.count = messages, count
        self.sizes = [count(each) for each in messages]
        self.first: int | None = None
        self.done: dict[str, int] = {}

    @property
    def tokens(self) -> int:
        return sum(self.sizes)

    def count_done(self, what: str, number: int = 1) -> None:
        self.done[what] = self.done.get(what, 0) + number

    def replace(self, at: int, message: Entry) -> bool:
        """Puts a message in the place of one, if it is shorter."""
        size = self.count(message)
        if size >= self.sizes[at]:
            return False
        self.messages[at], self.sizes[at] = message, size
        self._changed(at)
        return True

    def fold(self, places: Sequence[int], message: Entry) -> None:
        """Puts one message in the place of several, where the last of them stood."""
        gone = set(places)
        kept = [at for at in range(len(self.messages)) if at not in gone or at == places[-1]]
        self.messages = [message if at == places[-1] else self.messages[at] for at in kept]
        self.sizes = [self.count(message) if at == places[-1] else self.sizes[at] for at in kept]
        self._changed(places[0])

    def _changed(self, at: int) -> None:
        self.first = at if self.first is None else min(at, self.first)


def summary_prompt(messages: Sequence[Entry]) -> Message:
    """What a model is asked for a summary of messages: fixed headings, an earlier summary taken in."""
    said = [{str(each["role"]): each.get("content") or each.get("tool_calls")} for each in messages]
    lines = "\n".join(json.dumps(each, ensure_ascii=False) for each in said)
    headings = "\n".join(f"- {each}" for each in HEADINGS)
    return prompt("conversation_summary", messages=enclosed(lines), headings=headings)


def _last_user(messages: Sequence[Entry]) -> int:
    """Where the user's last words are, 0 for none."""
    return max((at for at, each in enumerate(messages) if each["role"] == "user"), default=0)


def _boundaries(messages: Sequence[Entry]) -> list[int]:
    """Where messages can be cut, ascending, so that no call is parted from its results."""
    waiting: set[str] = set()
    found = []
    for at, each in enumerate(messages):
        waiting |= {str(call.get("id", "")) for call in each.get("tool_calls") or ()}
        waiting -= {str(each.get("tool_call_id", ""))} if each["role"] == "tool" else set()
        following = messages[at + 1]["role"] if at + 1 < len(messages) else ""
        if not waiting and following != "tool":
            found.append(at + 1)
    return found


def _call_of(messages: Sequence[Entry], at: int) -> str:
    """The call that a result answers: the tool, and what tells its arguments from others."""
    asked = messages[at].get("tool_call_id")
    for each in reversed(messages[:at]):
        for call in each.get("tool_calls") or ():
            if call.get("id") == asked:
                function = call.get("function", {})
                arguments = hashlib.sha256(
                    str(function.get("arguments", "")).encode(errors="replace")
                ).hexdigest()
                return f"{function.get('name', 'a tool')} #{arguments[:8]}"
    return "a tool"


def _stands_for(message: Entry) -> int:
    """How many messages one stands for."""
    summary = _SUMMARY.match(str(message.get("content") or ""))
    return int(summary[1].replace(",", "")) if summary else 1
