"""A tree of summaries over a text: parts at its leaves, above them what they say."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from longspan.flows.chat import Message, Reply
from longspan.flows.inquiry import Inquiry
from longspan.flows.prompting import enclosed, prompt
from longspan.flows.replies import declines, straight
from longspan.spans import Span

_NAMES = 12
_NAME = re.compile(r"(?<![.!?…\n] )(?<=[^\s.!?…] )[A-Z][\w’'-]+(?: [A-Z][\w’'-]+)*|\b\d+(?:[.,:]\d+)*\b")
_OPENING = 80  # characters of a part that was not summarized


@dataclass(frozen=True, kw_only=True, eq=False)
class Node:
    """A part of a text, or several. summary: what the model says of it. names: that occur in it, and numbers."""

    summary: str = ""
    names: tuple[str, ...] = ()
    part: Span | None = None
    children: tuple[Node, ...] = ()

    def label(self) -> str:
        """As it is shown to the model: a summary may lack just what is asked for, so names stand beside it."""
        said = " ".join(self.summary.split())
        return f"{said} (names and numbers: {', '.join(self.names)})" if self.names else said


def summarizing(text: str) -> Message:
    """Asks for a summary of an enclosed text."""
    return prompt("memwalker_summary", text=text)


def tree(inquiry: Inquiry, leaves: Sequence[Span], *, children: int, note: int) -> Node:
    """The root of a tree in which each node has at most so many children.

    What is asked does not depend on the question. note: tokens of a summary at most. A part whose call fails is told by
    its first words.
    """
    said = dict(inquiry.read_each(leaves, summarizing, max_new_tokens=note))
    level = [
        Node(summary=_said(said.get(part)) or _opening(part), names=_names(part), part=part)
        for part in leaves
    ]
    while len(level) > children:
        inquiry.events.step(f"sums up {len(level):,} summaries")
        groups = _groups(level, children)
        replies = inquiry.ask_each(
            groups,
            lambda group: [summarizing(enclosed("\n\n".join(each.label() for each in group)))],
            max_new_tokens=note,
        )
        level = [
            Node(summary=_said(reply) or group[0].summary, names=_first(group), children=tuple(group))
            for group, reply in zip(groups, replies, strict=True)
        ]
    return Node(children=tuple(level))


def _said(reply: Reply | None) -> str:
    text = "" if reply is None else straight(reply.text).strip()
    return "" if declines(text) else text


def _opening(part: Span) -> str:
    return " ".join(part.text[:_OPENING].split())


def _names(part: Span) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_NAME.findall(part.text)))[:_NAMES]


def _first(group: Sequence[Node]) -> tuple[str, ...]:
    """Some names of each."""
    share = max(1, _NAMES // len(group))
    return tuple(dict.fromkeys(name for each in group for name in each.names[:share]))


def _groups(level: Sequence[Node], children: int) -> list[list[Node]]:
    """Neighbours in as few groups as can be, of about the same size."""
    count = -(-len(level) // children)
    edges = [round(number * len(level) / count) for number in range(count + 1)]
    return [list(level[start:end]) for start, end in itertools.pairwise(edges)]
