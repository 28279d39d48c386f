"""Messages of a conversation: how long they are, how they are joined, and how much of it fits."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from longspan.errors import WindowExceeded
from longspan.flows.chat import Message
from longspan.flows.passages import choose
from longspan.memory import Found, Turn
from longspan.memory.records import moment
from longspan.spans import Document, render
from longspan.spans.rendering import GAP

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
    """What of a text speaks of a question, in its order with marks where something is left out, within a budget.

    Where the budget has no room for a passage, it is the beginning of the text.
    """
    if count(text) <= budget:
        return text
    try:
        return render(choose([Document(name, text)], question, max(1, budget), count).spans)
    except WindowExceeded:
        return beginning(text, budget, count)


def beginning(text: str, budget: int, count: Count) -> str:
    """As much of the beginning of a text as a budget holds, with a mark where more follows."""
    if count(text) <= budget:
        return text
    held = text
    while held and count(f"{held} {GAP}") > budget:
        held = held[: min(len(held) - 1, len(held) * max(1, budget) // count(f"{held} {GAP}"))]
    return f"{held} {GAP}" if held else GAP


def recalled(found: Sequence[Found], question: str, budget: int, count: Count) -> tuple[str, int]:
    """Found rounds and notes as lines of JSON in the order of time, best first until the budget is full; their number.

    One that is longer than the whole budget is shown by its parts that speak of the question, if it is the best.
    """
    lines: list[tuple[float, str]] = []
    left = budget
    for each in found:
        line = _line(each, [turn.text for turn in each.turns])
        share = max(1, budget // max(1, len(each.turns)) - 2 * EACH)
        if not lines and count(line + "\n") > left and share > EACH:
            line = _line(
                each, [excerpt(turn.text, question, share, count, f"turn {turn.id}") for turn in each.turns]
            )
        tokens = count(line + "\n")
        if tokens <= left:
            lines.append(
                (each.turns[0].time if each.turns else each.note.valid_from if each.note else 0, line)
            )
            left -= tokens
    return "\n".join(text for _, text in sorted(lines)), len(lines)


def _line(found: Found, texts: Sequence[str]) -> str:
    """A note, or a round with these texts of its turns."""
    if found.note is not None:
        facts = {"time": moment(found.note.valid_from), "noted": found.note.text}
        if found.note.valid_to is not None:
            facts["until"] = moment(found.note.valid_to)
        return json.dumps(facts, ensure_ascii=False)
    said = {turn.role: text for turn, text in zip(found.turns, texts, strict=True)}
    return json.dumps({"time": moment(found.turns[0].time)} | said, ensure_ascii=False)
