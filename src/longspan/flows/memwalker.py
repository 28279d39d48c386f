"""MemWalker: a tree of summaries is walked down, and up again, until a part is found that answers."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from longspan.errors import FlowError
from longspan.flows.base import Events, Flow, reply_tokens, room
from longspan.flows.chat import Chat, Message
from longspan.flows.inquiry import Inquiry
from longspan.flows.prompting import enclosed, frame, prompt, shown
from longspan.flows.replies import NOTHING, labelled
from longspan.flows.summaries import Node, summarizing, tree
from longspan.parameters import check_whole
from longspan.registry import Card
from longspan.running.generation import Generation
from longspan.spans import Answer, Document, Span, render

CARD = Card(
    name="memwalker",
    target="longspan.flows.memwalker:MemWalker",
    paper="Walking Down the Memory Maze: Beyond Context Limit through Interactive Reading",
    link="https://arxiv.org/abs/2310.05029",
    year=2023,
    training=False,
    changes="Builds a tree of summaries, and walks it from the root to the part that answers.",
    field=(290,),
)

Action = TypeVar("Action", int, str)

_ATTEMPTS = 3
_TEMPERATURE = 0.7
_ACTION_TOKENS = 128
_NUMBER = re.compile(r"\d+")
_LEAF = re.compile(r"(?i)\b(answer|back)\b")


@dataclass(frozen=True, kw_only=True)
class MemWalker(Flow):
    """A tree of summaries that the model walks with reasons. https://arxiv.org/abs/2310.05029

    After the paper's text, since its code is not public. The tree does not depend on the question, so a flow with a
    trace builds it once for all questions about a text. At an inner node the model names one child or none, at a leaf
    it says whether that is enough; a reply that says neither is asked for again, drawn at random, three times in all.
    Beyond the paper: names and numbers of a part stand beside its summary, which may lack them; what was visited is not
    offered again; the walk ends after twice as many steps as there are leaves; the answer is a call of its own, which
    sees the leaf and those before it.
    """

    leaf: int = 1200
    """Tokens of a part at a leaf."""

    children: int = 8
    """Summaries that are summed up together, and among which one is chosen, at most."""

    note: int = 200
    """Tokens of a summary at most."""

    memory: int = 1000
    """Tokens of what was visited that the model sees again, the oldest left out first."""

    def __post_init__(self) -> None:
        check_whole("leaf", self.leaf, 16)
        check_whole("children", self.children, 2)
        check_whole("note", self.note, 16)
        check_whole("memory", self.memory, 0)

    def answer(self, chat: Chat, documents: Sequence[Document], question: str, events: Events) -> Answer:
        """Build, walk, answer."""
        inquiry = Inquiry(chat=chat, question=question, events=events)
        beside = chat.count_tokens(summarizing(frame(documents))["content"]) + self.note
        leaves = inquiry.parts(documents, self.leaf + beside, self.note, summarizing)
        events.step(f"sums up {len(leaves):,} parts")
        root = tree(inquiry, leaves, children=self.children, note=self.note)
        walk = _Walk(inquiry=inquiry, memory=self.memory, path=[root])
        for _ in range(2 * len(leaves)):
            if not walk.path or walk.found is not None:
                break
            walk.step()
        if walk.found is None:
            events.step(f"found no answer in the {len(walk.visited):,} parts that were visited")
            return inquiry.answer(None)
        read = self._read(inquiry, leaves, walk.found, walk.visited)
        return inquiry.conclude(_answering(shown(read), question), read)

    def _read(
        self, inquiry: Inquiry, leaves: Sequence[Span], found: Span, visited: Sequence[Node]
    ) -> list[Span]:
        """The part that was found and those before it that fit beside it, in the order of the text."""
        chat, empty = inquiry.chat, _answering(frame([found.document]), inquiry.question)["content"]
        needed = chat.count_tokens(render([found])) + self.memory
        budget = room(chat, needed, reply_tokens(inquiry.events), empty)
        earlier = [each.part for each in visited if each.part is not None and each.part != found]
        read = [found]
        for part in reversed(earlier):
            more = [each for each in leaves if each in (*read, part)]
            if chat.count_tokens(render(more)) > budget:
                break
            read = more
        return read


@dataclass(kw_only=True)
class _Walk:
    """Where the model is, by the nodes from the root on, and what it has visited and left."""

    inquiry: Inquiry
    memory: int
    path: list[Node]
    visited: list[Node] = field(default_factory=list)
    found: Span | None = None

    def step(self) -> None:
        """To a child, or back to the parent, or to the end at a leaf that answers."""
        node = self.path[-1]
        if node.part is not None:
            self._at_leaf(node, node.part)
            return
        left = [each for each in node.children if each not in self.visited]
        number = self._number(left) if left else 0
        if number:
            self.path.append(left[number - 1])
        else:
            self._back()

    def _at_leaf(self, node: Node, part: Span) -> None:
        message = prompt(
            "memwalker_leaf", memory=self._known(), text=shown([part]), question=self.inquiry.question
        )
        action = self._action(message, _leaf_action)
        self.inquiry.read.append(part)
        self.inquiry.events.step(f"visits {part.document.describe(part.start, part.end)}: {action}")
        if action == "answer":
            self.found = part
        else:
            self._back()

    def _number(self, left: Sequence[Node]) -> int:
        parts = "\n\n".join(f"Part {number}: {each.label()}" for number, each in enumerate(left, 1))
        message = prompt(
            "memwalker_choose",
            memory=self._known(),
            parts=enclosed(parts),
            question=self.inquiry.question,
            count=f"{len(left)}",
        )
        return self._action(message, lambda said: _number_action(said, len(left)))

    def _back(self) -> None:
        self.visited.append(self.path.pop())

    def _known(self) -> str:
        """Summaries of what was visited, the oldest left out where they are too long."""
        kept: list[str] = []
        for node in reversed([each for each in self.visited if each.summary]):
            if self.inquiry.chat.count_tokens("\n".join([node.label(), *kept])) > self.memory:
                break
            kept.insert(0, node.label())
        return enclosed("\n".join(kept)) if kept else NOTHING

    def _action(self, message: Message, understood: Callable[[str], Action | None]) -> Action:
        """What the model decides. Raises FlowError where it says nothing of the kind."""
        said = ""
        for attempt in range(_ATTEMPTS):
            drawn: Generation = {"max_new_tokens": _ACTION_TOKENS}
            if attempt:
                drawn |= {"temperature": _TEMPERATURE, "seed": attempt}
            said = self.inquiry.ask(message, **drawn).text
            action = understood(said)
            if action is not None:
                return action
        raise FlowError(
            f"the model was asked {_ATTEMPTS} times for an action and said {said[:80]!r}; use a larger model, or "
            "another flow such as alr2"
        )


def _decided(said: str, action: re.Pattern[str]) -> str | None:
    """The one action behind the label, or the reply where it is an action alone; None for anything else."""
    behind = labelled(said, ("Reasoning", "Action")).get("Action")
    if behind is None:
        alone = said.strip().strip(string.punctuation + string.whitespace)
        return alone.lower() if action.fullmatch(alone) else None
    actions = {each.lower() for each in action.findall(behind)}
    return actions.pop() if len(actions) == 1 else None


def _number_action(said: str, count: int) -> int | None:
    number = _decided(said, _NUMBER)
    return int(number) if number is not None and int(number) <= count else None


def _leaf_action(said: str) -> str | None:
    return _decided(said, _LEAF)


def _answering(text: str, question: str) -> Message:
    return prompt("memwalker_answer", text=text, question=question)
