"""Verified reading: the model searches, opens and quotes, and its answer is taken where the quotes hold it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from longspan.flows.base import NOT_FOUND, Events, Flow, concluded, drawing, parts, room
from longspan.flows.chat import Chat, Message, Reply
from longspan.flows.checking import supported
from longspan.flows.desk import Desk, Wrong, call_in
from longspan.flows.judging import judge_of
from longspan.flows.prompting import prompt
from longspan.flows.replies import NOTHING, says_nothing
from longspan.parameters import check_whole
from longspan.registry import Card
from longspan.retrieval.retrievers.base import Retriever
from longspan.retrieval.retrievers.bm25 import Bm25
from longspan.spans import Answer, Claim, Document, Span, Unread, claims
from longspan.usage import Usage

CARD = Card(
    name="verified-reading",
    target="longspan.flows.verified_reading:VerifiedReading",
    paper="WebGPT: Browser-assisted question-answering with human feedback",
    link="https://arxiv.org/abs/2112.09332",
    year=2021,
    training=False,
    trained=True,
    changes="The model searches, opens and quotes by calls of tools; nothing enters the answer that no quote holds.",
)

_SHOWN_BEFORE = "(shown before; open it again if you need it)"


@dataclass(frozen=True, kw_only=True)
class VerifiedReading(Flow):
    """Search, open, quote and answer, in calls that are held to their form. https://arxiv.org/abs/2112.09332

    An answer is taken if it names quotes that were kept, each of its quotations stands in them, and each of its
    sentences shares half of its content words and all its numbers with them, denies nothing that they do not deny, and
    is what they say when the model is asked (`flows.checking`); else the model is told what is not held.
    After two such repairs, or when the calls are spent, the quotes themselves are the answer, and without quotes it is
    that the documents do not say.
    Deviations: the tools are those of current products over documents that are given, where WebGPT's browse the web by
    a trained model; that each sentence is checked is ours.
    """

    calls: int = 12
    """Calls of tools at most, the answer included."""

    repairs: int = 2
    """How often an answer that its quotes do not hold is sent back."""

    passage: int = 160
    """Tokens of a passage at most."""

    tokens: int = 4096
    """Tokens of what is shown of earlier calls, the latest first, fewer where the chat has no room for them."""

    call: int = 256
    """Tokens of a call at most."""

    judged: bool = True
    """Whether the model is asked if quotes say a sentence, beside the comparison of words."""

    retriever: Retriever = field(default_factory=Bm25, metadata={"room": "retriever"})
    """How search finds passages."""

    def __post_init__(self) -> None:
        check_whole("calls", self.calls, 1)
        check_whole("repairs", self.repairs, 0)
        for name in ("passage", "tokens", "call"):
            check_whole(name, getattr(self, name), 16)

    def answer(self, chat: Chat, documents: Sequence[Document], question: str, events: Events) -> Answer:
        """Calls, then an answer."""
        usages: list[Usage] = []
        passages = parts(documents, self.passage, chat.count_tokens)
        known = self.retriever.say(passages, judge_of(chat, usages.append))
        desk = Desk(passages=passages, index=self.retriever.index(passages, said=known))
        log: list[tuple[str, str]] = []
        faults, barred = 0, ""
        reply: Reply | None = None
        for number in range(self.calls):
            asked = self._asked(chat, desk, log, question, self.calls - number)
            reply = chat.generate([asked], **self._drawn(chat, events, desk, barred))
            usages.append(reply.usage)
            call: dict[str, Any] = {}
            barred = ""
            try:
                call = call_in(reply.text)
                told = json.dumps(call, ensure_ascii=False)
                events.step(told)
                if call["tool"] == "answer":
                    if says_nothing(call["text"]) and desk.searched:
                        return self._told(None, (), desk, question, usages, chat, events)
                    held, found = self._held(call, desk, chat, question, usages, events)
                    said = replace(reply, text=call["text"])
                    answer = self._told(said, held, desk, question, usages, chat, events)
                    return replace(answer, claims=tuple(found))
                again = any(told == done for done, _ in log)
                barred = call["tool"] if again else ""
                log.append((told, "You did this before; use another tool." if again else desk.do(call)))
            except Wrong as wrong:
                log.append((reply.text.strip()[:200], str(wrong)))
                events.step(str(wrong))
                faults += call.get("tool") == "answer"
                if faults > self.repairs:
                    break
        if not desk.quotes or reply is None:
            return self._told(None, (), desk, question, usages, chat, events)
        verbatim = "\n\n".join(f"“{quote.text}”" for quote in desk.quotes)
        return self._told(replace(reply, text=verbatim), desk.quotes, desk, question, usages, chat, events)

    def _held(
        self,
        call: Mapping[str, Any],
        desk: Desk,
        chat: Chat,
        question: str,
        usages: list[Usage],
        events: Events,
    ) -> tuple[list[Span], Sequence[Claim]]:
        """The quotes that hold an answer, and its claims. Raises Wrong, with what is not held."""
        quotes = desk.kept(call["quotes"])
        if not quotes:
            raise Wrong("An answer names the quotes that hold it; quote the sentences first, then answer.")
        form = events.generation.get("form")
        if form is not None and not form.holds(call["text"]):
            raise Wrong("The text is not of the form that was asked for; write it otherwise.")
        found: Sequence[Claim] = claims(call["text"], quotes)
        if self.judged:
            found, used = supported(found, chat, question)
            usages += used
        wanting = ("unverified", "similar") if self.judged else ("unverified",)
        loose = [each.text for each in found if each.state in wanting]
        if loose:
            raise Wrong(
                f"The quotes do not say this: {' / '.join(loose)[:400]} Quote what says it, or leave it out."
            )
        return quotes, found

    def _told(
        self,
        reply: Reply | None,
        quotes: Sequence[Span],
        desk: Desk,
        question: str,
        usages: Sequence[Usage],
        chat: Chat,
        events: Events,
    ) -> Answer:
        events.stream(NOT_FOUND if reply is None else reply.text)
        unread = [
            Unread(span=passage, reason="it was not opened")
            for number, passage in enumerate(desk.passages)
            if number not in desk.shown
        ]
        said = None if reply is None else replace(reply, logprobs=(), complete=True)
        order = list(dict.fromkeys(each.document for each in desk.passages))
        ordered = sorted(quotes, key=lambda each: (order.index(each.document), each.start))
        answer = concluded(said, question, ordered, usages, unread=unread, count=chat.count_tokens)
        return replace(answer, unread=())

    def _asked(
        self, chat: Chat, desk: Desk, log: Sequence[tuple[str, str]], question: str, left: int
    ) -> Message:
        """What is asked next: the latest results whole as far as they fit, of earlier ones what was called."""

        def message(lines: Sequence[str]) -> Message:
            return prompt(
                "verified_reading",
                passages=f"{len(desk.passages):,}",
                nothing=NOTHING,
                log="\n\n".join(lines) or "No calls so far.",
                quotes=desk.listed(),
                question=question,
                left="This is the last call: answer." if left == 1 else f"{left} calls are left.",
            )

        short = [f"Call: {called}\n{_SHOWN_BEFORE}" for called, _ in log]
        size = room(chat, self.tokens, self.call, message(short)["content"])
        lines = list(short)
        for number in reversed(range(len(log))):
            called, result = log[number]
            size -= chat.count_tokens(result)
            if size < 0:
                break
            lines[number] = f"Call: {called}\n{result}"
        return message(lines)

    def _drawn(self, chat: Chat, events: Events, desk: Desk, barred: str) -> Any:
        form = {"form": desk.form(barred)} if chat.forms else {}
        return {**drawing(events), "max_new_tokens": self.call, **form}
