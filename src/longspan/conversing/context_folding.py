"""A model that goes aside for a sub-task and comes back with its result alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from longspan.conversing.agent import Agent
from longspan.conversing.base import Conversing
from longspan.conversing.calls import Call, Tool, described
from longspan.conversing.messages import EACH, length, messages_of
from longspan.conversing.summaries import last_summary, since_summary, summarise, told_summary
from longspan.conversing.talk import Spoken, Talk
from longspan.errors import LongspanError, WindowExceeded
from longspan.flows.base import together
from longspan.flows.chat import Message, Reply
from longspan.flows.passages import choose
from longspan.memory import Turn
from longspan.memory.records import moment
from longspan.parameters import check_range, check_whole
from longspan.registry import Card
from longspan.spans import Span
from longspan.usage import Usage

CARD = Card(
    name="context-folding",
    target="longspan.conversing.context_folding:ContextFolding",
    paper="Scaling Long-Horizon LLM Agent via Context-Folding",
    link="https://arxiv.org/abs/2510.11967",
    year=2025,
    training=False,
    trained=True,
    changes="Lets the model branch off for a sub-task and keeps only what it comes back with.",
    field=(246,),
    missing="FoldGRPO, which trains a model when to branch, is not here, since longspan trains no such policies; its "
    "tools are a search of memory and documents.",
)

_TEXT = {"type": "string"}


@dataclass(frozen=True, kw_only=True)
class ContextFolding(Conversing):
    """Branches that fold into their results. https://arxiv.org/abs/2510.11967

    The model searches the memory and the documents, branches off with a description and an instruction, and answers. A
    branch begins as a copy of the main history, of which a model of this process reads nothing again; it may search,
    but neither branch nor answer, and ends by returning a message. Of it the main history keeps call and message.
    Turns and branches are bounded as by the authors; a branch that outgrows its tokens, or its turns, is asked once to
    return what it has.

    Deviations: calls are JSON, held to a grammar where the chat takes one, and one a reply; what fails in a branch
    comes back as an error; a model that forms no call answers without functions; earlier messages are summarised as
    in `memgpt`.
    """

    turns: int = 64
    """Calls of a turn of the user at most, branches included."""

    branches: int = 5
    """Branches of a turn of the user at most."""

    branch: float = 0.4
    """Part of the room that a branch may add to the main history."""

    def __post_init__(self) -> None:
        check_whole("turns", self.turns, 1)
        check_whole("branches", self.branches, 0)
        check_range("branch", self.branch, 0.05, 0.9)

    def reply(self, talk: Talk, said: Turn) -> Spoken:
        """The answer that the model gives after its searches and branches."""
        work = _Folding(talk=talk, said=said, way=self)
        count = talk.chat.count_tokens
        system = Message(role="system", content=f"{talk.told()}\n{described(work.every)}")
        room = talk.room - length([system], count)
        if room < 8 * EACH:
            raise WindowExceeded(
                f"functions leave {max(0, room):,} tokens; raise the window, or use the method rounds"
            )
        turns, usages = since_summary(talk, said), list[Usage]()
        if length(messages_of(turns), count) > room // 3:
            usages = summarise(talk, turns, room, max(EACH, room // 6))
        history = [*told_summary(last_summary(talk)), *messages_of(since_summary(talk, said))]
        asked = talk.asked(said, room // 4)
        first: list[Any] = [system, *history, Message(role="user", content=asked)]
        main = Agent(talk.chat, work.main, first, talk.room, talk.longest)
        text = self._answer(talk, work, main)
        usages += [*main.usages, *work.usages]
        if text is not None:
            talk.events.stream(text)
            return Spoken(
                reply=Reply(text=text, usage=together(usages)), shown=tuple(work.shown), usages=tuple(usages)
            )
        talk.events.step("the model gives no answer by a call; it answers without functions")
        bare = [Message(role="system", content=talk.told()), *main.messages()[1:]]
        reply = talk.chat.generate(bare, stream=talk.events.stream, **talk.events.generation)
        return Spoken(reply=reply, shown=tuple(work.shown), usages=(*usages, reply.usage))

    def _answer(self, talk: Talk, work: _Folding, main: Agent) -> str | None:
        """What the model answers, None where it does not come to it."""
        while work.calls < self.turns:
            work.calls += 1
            call = main.call()
            if call is None:
                return None
            if call.name == "answer":
                if str(call.given["text"]).strip():
                    return str(call.given["text"])
                main.took(call, "error: the answer is empty")
            elif call.name == "branch":
                main.took(call, self._branched(talk, work, main, call))
            else:
                talk.events.step(f"searches for {str(call.given['query'])[:60]!r}")
                main.took(call, main.run(call))
        return None

    def _branched(self, talk: Talk, work: _Folding, main: Agent, call: Call) -> str:
        """What a branch comes back with."""
        if work.branched >= self.branches:
            return (
                f"error: {self.branches} branches were made, no more are allowed; answer with what you have"
            )
        work.branched += 1
        talk.events.step(f"branches off: {str(call.given['description'])[:80]}")
        opened = getattr(talk.chat, "branch", None)
        try:
            with opened() if opened is not None else nullcontext(talk.chat) as chat:
                aside = Agent(chat, work.aside, main.entries, main.room, main.limit)
                begin = aside.tokens
                aside.took(
                    call, f"You are in the branch now. Do only this, then call return: {call.given['prompt']}"
                )
                try:
                    return self._returned(work, aside, begin)
                finally:
                    work.usages += aside.usages
        except LongspanError as error:
            return f"error: the branch failed ({error})"

    def _returned(self, work: _Folding, aside: Agent, begin: int) -> str:
        limit = begin + int(self.branch * aside.room)
        while work.calls < self.turns - 1 and aside.tokens <= min(limit, aside.room):
            work.calls += 1
            call = aside.call()
            if call is None:
                break
            if call.name == "return":
                return str(call.given["message"])
            aside.took(call, aside.run(call))
        aside.entries.append(
            {"role": "user", "content": "The branch ends here: call return with what you have."}
        )
        last = Agent(
            aside.chat,
            [each for each in work.aside if each.name == "return"],
            aside.entries,
            aside.room,
            aside.limit,
        )
        work.calls += 1
        call = last.call()
        aside.usages += last.usages
        return str(call.given["message"]) if call else "error: the branch came back with nothing"


@dataclass(kw_only=True)
class _Folding:
    """What is counted and shown in one turn."""

    talk: Talk
    said: Turn
    way: ContextFolding
    calls: int = 0
    branched: int = 0

    def __post_init__(self) -> None:
        self.shown: list[Span] = []
        self.usages: list[Usage] = []
        search = Tool(name="search", about="Finds what was said before, and passages of documents.",
                      takes={"query": _TEXT}, run=self._search)  # fmt: skip
        branch = Tool(name="branch", about="Goes aside for a sub-task; only what it returns comes back.",
                      takes={"description": _TEXT, "prompt": _TEXT}, run=lambda **given: "")  # fmt: skip
        back = Tool(name="return", about="In a branch: comes back with its result.",
                    takes={"message": _TEXT}, run=lambda **given: "")  # fmt: skip
        answer = Tool(name="answer", about="Answers the user.", takes={"text": _TEXT}, run=lambda **given: "")
        self.every: Sequence[Tool] = (search, branch, back, answer)
        self.main: Sequence[Tool] = (search, branch, answer)
        self.aside: Sequence[Tool] = (search, back)

    def _search(self, query: str) -> str:
        found = self.talk.memory.search(query, limit=5, floor=0, before=self.said.round)
        turns = [turn for each in found for turn in each.turns]
        lines = [{"time": moment(each.time), each.role: each.text} for each in turns]
        if self.talk.documents:
            room = max(EACH * 4, self.talk.room // 5)
            spans = choose(self.talk.documents, query, room, self.talk.chat.count_tokens).spans
            self.shown += spans
            lines = [*({"document": each.document.name, "text": each.text} for each in spans), *lines]
        return "\n".join(json.dumps(each, ensure_ascii=False) for each in lines) or "nothing speaks of that"
