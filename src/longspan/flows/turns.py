"""A run of a model that answers by programs: turn after turn, in a sandbox, to an answer or a clear line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from longspan.flows.base import OVERHEAD, Events, drawing, reply_tokens
from longspan.flows.chat import Chat, Message, Reply
from longspan.flows.fences import Programs, assigned, programs
from longspan.flows.programming import Programming, Run
from longspan.flows.prompting import enclosed, prompt
from longspan.flows.seen import Seen
from longspan.flows.subcalls import BATCH, Budget, Places, Subcalls
from longspan.sandbox import Json, Limits, Result, Sandbox, open_sandbox
from longspan.sandbox.shown import Shown
from longspan.spans import Document
from longspan.spans.rendering import titles

_IDLE = 3
_SHARE = 0.25
_CONFIDENCE = re.compile(r"confidence\W{0,12}(\d{1,3})(?:\.\d+)?\s*%", re.IGNORECASE)
_ALONE = re.compile(rf"(?m)^[\s*_>#-]*{_CONFIDENCE.pattern}[^\w\n]*$", re.IGNORECASE)
_ASKS = "\nEnd what you say in each turn with a line “Confidence: N%”, how sure you are that it leads to the answer."
_RECORD: dict[str, Json] = {"content": "", "ready": False}


@dataclass(kw_only=True)
class Session:
    """One run. question: what is asked about the context. sure: whether each turn is to say how sure it is."""

    flow: Programming
    chat: Chat
    context: str | list[Json]
    about: str
    question: str
    seen: Seen
    budget: Budget
    events: Events
    sure: bool = False
    _names: list[str] = field(default_factory=list)
    _history: list[Json] = field(default_factory=list)
    _turns: list[str] = field(default_factory=list)

    @classmethod
    def over(
        cls,
        flow: Programming,
        chat: Chat,
        documents: Sequence[Document],
        question: str,
        events: Events,
        *,
        seen: Seen,
        budget: Budget,
        sure: bool = False,
    ) -> Session:
        """A run over documents: of one the text is the context, of several a list of the texts."""
        documents = list(dict.fromkeys(documents))
        if not any(document.text.strip() for document in documents):
            raise ValueError("documents holds no text to read; give at least one that has some")
        names = [
            f"{name}, {len(each.text):,} characters"
            for name, each in zip(titles(documents), documents, strict=True)
        ]
        texts = [document.text for document in documents]
        context: str | list[Json] = texts[0] if len(texts) == 1 else cast(list[Json], texts)
        about = (
            f"a text: {names[0]}" if len(texts) == 1 else f"a list of {len(texts)} texts: {'; '.join(names)}"
        )
        if flow.helpers and len(texts) > 1:
            context, about = "\n\n".join(texts), "a text"
        return cls(
            flow=flow,
            chat=chat,
            context=context,
            about=about,
            question=question,
            seen=seen,
            budget=budget,
            events=events,
            sure=sure,
        )

    def run(self) -> Run:
        """Turn after turn, to an answer that a program gives or, where there is none, to one that is asked for."""
        subcalls = Subcalls(
            chat=self.chat,
            budget=self.budget,
            seen=self.seen,
            reply=self._half(self.flow.reply),
            recurse=self._deeper if self.flow.depth > 1 else None,
            names=self._names,
        )
        helped = self.flow.helpers and isinstance(self.context, str)
        functions = (
            Places(text=str(self.context), subcalls=subcalls).functions() if helped else subcalls.functions()
        )
        limits = Limits(seconds=self.flow.seconds, output=self.flow.output, calls=self.flow.subcalls + 200)
        variables: dict[str, Json] = {"context": self.context, "answer": dict(_RECORD), "history": []}
        with open_sandbox(variables, functions, limits, self.flow.sandbox) as sandbox:
            return self._run(sandbox, self._first(subcalls, sandbox, helped))

    def _run(self, sandbox: Sandbox, first: str) -> Run:
        messages = [Message(role="user", content=first)]
        idle, confidences, turn = 0, list[float](), 0
        while turn < self.flow.turns and idle < _IDLE and self.budget.tokens > 0:
            messages = self._compacted(messages, sandbox, self.flow.turns - turn)
            turn += 1
            said = self._said(messages)
            confidences += [min(100.0, float(each)) for each in _CONFIDENCE.findall(said.text)[-1:]]
            found = programs(said.text)
            idle = idle + 1 if not found.codes or said.text in self._turns else 0
            self._turns.append(said.text)
            happened, output, content = self._executed(sandbox, found)
            self.events.step(f"turn {turn:,}: {happened}")
            form = self.events.generation.get("form")
            if content and (form is None or form.holds(content)):
                return self._came_to(content, said, confidences)
            left = self.flow.turns - turn
            after = prompt(
                "rlm_output",
                happened=happened,
                output=enclosed(self._fitting(output)),
                left=f"{left:,} turns are left."
                if left > 1
                else "This is the last turn: submit your best answer.",
                question=self.question,
            )
            self.seen.add(after["content"])
            messages += [Message(role="assistant", content=said.text or "…"), after]
        last = prompt("rlm_last", question=self.question)["content"]
        messages = self._compacted(messages, sandbox, 0)
        messages[-1] = Message(role="user", content=f"{messages[-1]['content']}\n\n{last}")
        reply = self.chat.generate(messages, **self.events.generation)
        self.budget.take(reply.usage)
        text = reply.text
        if self.sure:
            confidences += [min(100.0, float(each)) for each in _CONFIDENCE.findall(text)[-1:]]
            text = _ALONE.sub("", text)
        return self._came_to(text, reply, confidences)

    def _came_to(self, answer: str, reply: Reply, confidences: Sequence[float]) -> Run:
        length = sum(map(self.chat.count_tokens, self._turns))
        return Run(answer=answer.strip(), reply=reply, confidences=tuple(confidences), length=length)

    def _executed(self, sandbox: Sandbox, found: Programs) -> tuple[str, str, str]:
        """What happened in a line, what was printed, and the answer that was submitted, empty where none was."""
        if not found.codes:
            tagged = f" A block of {', '.join(sorted(set(found.others)))} is none." if found.others else ""
            return f"There was no program between ```python and ```.{tagged}", "", ""
        out = ""
        for number, code in enumerate(found.codes, 1):
            result = sandbox.run(f"{code}\nanswer")
            which = "The program" if len(found.codes) == 1 else f"Program {number} of {len(found.codes)}"
            out += result.out
            if result.why != "done":
                return f"{which} {_ended(result)}", f"{out}\n{result.err}".strip(), ""
            self._names += [name for name in assigned(code) if name not in self._names]
            content, wrong = _submitted(result.value)
            if content:
                return f"{which} gave the answer.", out, content
            if wrong:
                return f"{which} ran, but {wrong}", out, ""
        what = "The program" if len(found.codes) == 1 else f"All {len(found.codes)} programs"
        return f"{what} ran." if out.strip() else f"{what} ran and printed nothing; use print().", out, ""

    def _first(self, subcalls: Subcalls, sandbox: Sandbox, helped: bool) -> str:
        if helped:
            return prompt("rlm_helpers", question=self.question)["content"]
        return prompt(
            "rlm",
            context=self.about,
            capacity=f"{subcalls.capacity:,}",
            batch=str(BATCH),
            recursion="a model that has a session of its own"
            if subcalls.recurse
            else "the same model, as plain sub-calls",
            subcalls=f"{self.budget.calls:,}",
            dialect=sandbox.dialect,
            output=f"{self.flow.output:,}",
            turns=f"{self.flow.turns:,}",
            confidence=_ASKS if self.sure else "",
            question=self.question,
        )["content"]

    def _said(self, messages: Sequence[Message]) -> Reply:
        drawn = drawing(self.events)
        drawn["max_new_tokens"] = self._half(self.flow.turn)
        reply = self.chat.generate(messages, **drawn)
        self.budget.take(reply.usage)
        return reply

    def _deeper(self, asked: str) -> str:
        """A run whose context is a prompt."""
        run = replace(
            self,
            flow=replace(self.flow, depth=self.flow.depth - 1),
            context=asked,
            about=f"a prompt of {len(asked):,} characters",
            question="Do what the prompt in `context` asks.",
            events=Events(step=self.events.step),
            _names=[],
            _history=[],
            _turns=[],
        )
        return run.run().answer

    def _half(self, tokens: int) -> int:
        return tokens if self.chat.longest is None else max(1, min(tokens, self.chat.longest // 2))

    def _length(self, messages: Sequence[Message]) -> int:
        return sum(self.chat.count_tokens(each["content"]) for each in messages) + OVERHEAD

    def _compacted(self, messages: list[Message], sandbox: Sandbox, left: int) -> list[Message]:
        """The messages, or the first with a summary of the others where they take too much of the window."""
        longest = self.chat.longest
        reply = self._half(max(self.flow.turn, reply_tokens(self.events)))
        if (
            longest is None
            or len(messages) == 1
            or self._length(messages) + reply <= self.flow.compaction * longest
        ):
            return messages
        self._history += [cast(Json, dict(each)) for each in messages[1:]]
        sandbox.give("history", list(self._history))
        asks = prompt("rlm_summary")["content"]
        summary = self._half(min(self.flow.turn, longest // 8))
        messages = self._shortened(messages, longest - summary - self.chat.count_tokens(asks) - 1)
        messages[-1] = Message(role="user", content=f"{messages[-1]['content']}\n\n{asks}")
        self.events.step("summarizes the turns so far")
        said = self.chat.generate(messages, max_new_tokens=summary)
        self.budget.take(said.usage)
        resumed = prompt("rlm_resumed", summary=said.text, turns=f"{left:,}", question=self.question)[
            "content"
        ]
        return [Message(role="user", content=f"{messages[0]['content']}\n\n{resumed}")]

    def _shortened(self, messages: list[Message], limit: int) -> list[Message]:
        """The same messages, the longest but the first cut in the middle until all take at most so many tokens."""
        messages = list(messages)
        while self._length(messages) > limit:
            at = max(range(1, len(messages)), key=lambda each: len(messages[each]["content"]))
            text = messages[at]["content"]
            if len(text) < 200:
                break
            messages[at] = Message(role=messages[at]["role"], content=_cut(text, len(text) // 2))
        return messages

    def _fitting(self, output: str) -> str:
        """Output that takes at most a quarter of the window."""
        longest, length = self.chat.longest, len(output)
        text = output
        while longest is not None and length > 100 and self.chat.count_tokens(text) > _SHARE * longest:
            length //= 2
            text = _cut(output, length)
        return text


def _cut(text: str, length: int) -> str:
    shown = Shown(length)
    shown.add(text)
    return shown.text


def _ended(result: Result) -> str:
    if not result.lost:
        return "failed, and an answer that it set does not count."
    return f"was stopped: {result.err}. All variables of earlier programs are lost; `context` is there again."


def _submitted(record: Json) -> tuple[str, str]:
    """The content of an answer that is ready, or what is wrong with it."""
    if not isinstance(record, dict) or not {"content", "ready"} <= record.keys():
        return "", 'the variable `answer` is the record of the answer; use answer["content"].'
    if record["ready"] is not True:
        return "", ""
    content = record["content"]
    if isinstance(content, int | float) and not isinstance(content, bool):
        content = str(content)
    if not isinstance(content, str) or not content.strip():
        return "", 'answer["content"] is no text; set it to the final answer in words.'
    return content, ""
