"""Messages of a conversation: how long they are, how they are joined, and how much of it fits."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from longspan.flows.chat import Message
from longspan.flows.passages import choose
from longspan.memory import Found, Turn
from longspan.memory.records import moment
from longspan.spans import Document, render

EACH = 16
"""Tokens that a chat template may add to a message."""
Count = Callable[[str], int]


def length(messages: Iterable[Message], count: Count) -> int:
    """Tokens of messages, with what a template adds."""
    return sum(count(each["content"]) + EACH for each in messages)


def alternating(messages: Iterable[Message]) -> list[Message]:
    """The messages with neighbours of one role joined, since many templates take nobody twice in a row."""
    return [
        Message(role=role, content="\n\n".join(each["content"] for each in group))
        for role, group in groupby(messages, key=lambda each: each["role"])
    ]


def messages_of(turns: Iterable[Turn]) -> list[Message]:
    """Turns as messages."""
    return [Message(role=each.role, content=each.text) for each in turns]


def rounds_of(turns: Sequence[Turn]) -> list[list[Turn]]:
    """Turns by round, in their order."""
    found: dict[int, list[Turn]] = {}
    for turn in turns:
        found.setdefault(turn.round, []).append(turn)
    return list(found.values())


def excerpt(text: str, question: str, budget: int, count: Count, name: str) -> str:
    """What of a text speaks of a question, in its order with marks where something is left out, within a budget."""
    if count(text) <= budget:
        return text
    return render(choose([Document(name, text)], question, budget, count).spans)


def recalled(found: Sequence[Found], question: str, budget: int, count: Count) -> tuple[str, int]:
    """Found rounds and notes as lines of JSON in the order of time, best first until the budget is full; their number.

    A round that is longer than half of the budget is shown by its passages that speak of the question.
    """
    lines: list[tuple[float, str]] = []
    left = budget
    for each in found:
        line = _line(each, question, count, max(1, budget // 2))
        tokens = count(line[1] + "\n")
        if tokens <= left:
            lines.append(line)
            left -= tokens
    return "\n".join(text for _, text in sorted(lines)), len(lines)


def _line(found: Found, question: str, count: Count, limit: int) -> tuple[float, str]:
    if found.note is not None:
        note = found.note
        facts = {"time": moment(note.valid_from), "noted": note.text}
        if note.valid_to is not None:
            facts["until"] = moment(note.valid_to)
        return note.valid_from, json.dumps(facts, ensure_ascii=False)
    whole = {"time": moment(found.turns[0].time)} | {each.role: each.text for each in found.turns}
    if count(json.dumps(whole, ensure_ascii=False)) > limit and limit > 2 * EACH:
        shares = limit // (2 * len(found.turns))
        for each in found.turns:
            whole[each.role] = excerpt(each.text, question, max(EACH, shares), count, f"turn {each.id}")
    return found.turns[0].time, json.dumps(whole, ensure_ascii=False)
