"""The contract of a flow: how a question about documents becomes messages to a model, and an answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

from longspan.errors import WindowExceeded
from longspan.flows.chat import Chat, Reply
from longspan.running.generation import MAX_NEW_TOKENS, Generation
from longspan.spans import Answer, Document, Span, Unread, cite, claims, merge, passages
from longspan.usage import Usage

OVERHEAD = 64
"""Tokens that are left for a chat template, which only the model knows."""
NOT_FOUND = "The documents that were read do not say."
"""The answer where nothing that was read speaks of the question: no model is asked to make one up."""


def together(usages: Sequence[Usage], truncated_tokens: int = 0) -> Usage:
    """What several replies took, one after the other: sums, and the most bytes of any."""
    seconds = sum(each.decode_seconds for each in usages)
    return Usage(
        prompt_tokens=sum(each.prompt_tokens for each in usages),
        generated_tokens=sum(each.generated_tokens for each in usages),
        kv_bytes=max((each.kv_bytes for each in usages), default=0),
        peak_kv_bytes=max((each.peak_kv_bytes for each in usages), default=0),
        prefill_seconds=sum(each.prefill_seconds for each in usages),
        decode_seconds=seconds,
        truncated_tokens=truncated_tokens,
        offloaded_bytes=max((each.offloaded_bytes for each in usages), default=0),
        drafted_tokens=sum(each.drafted_tokens for each in usages),
        accepted_tokens=sum(each.accepted_tokens for each in usages),
        draft_gain=sum(each.draft_gain * each.decode_seconds for each in usages) / seconds
        if seconds
        else 1.0,
    )


def _nobody(said: str) -> None:
    pass


@dataclass(frozen=True, kw_only=True)
class Events:
    """Whom a flow tells what it does, and how it is to answer; by default nobody, greedily.

    step: a line for people on what the flow does next, such as what it reads and what it leaves out. stream: the final
    answer, piece by piece. generation: how the final answer is drawn and where it ends, as for `Session.generate`.
    """

    step: Callable[[str], None] = _nobody
    stream: Callable[[str], None] = _nobody
    generation: Generation = field(default_factory=lambda: Generation())


@dataclass(frozen=True, kw_only=True)
class Flow(ABC):
    """Base of all flows, a method whose parameters are fields, such as `best-passages(tokens=2000)`.

    A flow is written against `Chat`, so that it runs with a model of this process under any plan, and with any server.
    """

    @abstractmethod
    def answer(self, chat: Chat, documents: Sequence[Document], question: str, events: Events) -> Answer:
        """The answer to a question about documents.

        Its citations are those of `spans.cite` with the spans that the model was shown, so that every quote is checked;
        its usage is that of all replies together, `together`, with the tokens of the documents that were shown to no
        model as truncated_tokens: nothing is left out in silence; `concluded` makes it. Raises WindowExceeded where it
        cannot make it fit, and FlowError where it cannot go on.
        """


def room(chat: Chat, wanted: int, reply: int, *beside: str, overhead: int = OVERHEAD) -> int:
    """Tokens that a text may have beside other texts and a reply of so many: as many as wanted, or what the chat has.

    overhead: tokens that are left for the chat template. Raises WindowExceeded where nothing is left.
    """
    left = wanted
    if chat.longest is not None:
        left = min(wanted, chat.longest - reply - sum(map(chat.count_tokens, beside)) - overhead)
    if left < 1:
        raise WindowExceeded(
            f"question, instructions and a reply of {reply:,} tokens leave no room for a text in "
            f"{chat.longest or wanted:,} tokens; shorten the question, ask for a shorter reply, or raise the window "
            "with positions=..."
        )
    return left


def parts(documents: Sequence[Document], size: int, count: Callable[[str], int]) -> list[Span]:
    """Documents one after another as parts of at most so many tokens, which joined give their texts exactly."""
    distinct = dict.fromkeys(documents)
    found = [part for document in distinct for part in passages(document, size, count) if part.text.strip()]
    if not found:
        raise ValueError("documents holds no text to read; give at least one that has some")
    return found


def drawing(events: Events) -> Generation:
    """How replies that are no final answer are drawn: as that one, but for its form, end and length."""
    own = ("form", "stop", "max_new_tokens", "min_tokens", "logprobs")
    drawn = {name: value for name, value in events.generation.items() if name not in own}
    return cast(Generation, drawn)


def pieces(span: Span, size: int, count: Callable[[str], int]) -> list[Span]:
    """A part of a document as parts of at most so many tokens, which joined give its text exactly."""
    alone = Document(span.document.name, span.text)
    return [
        Span(span.document, span.start + each.start, span.start + each.end)
        for each in passages(alone, size, count)
        if each.text.strip()
    ]


def reply_tokens(events: Events) -> int:
    """The longest length of the final answer."""
    return events.generation.get("max_new_tokens", MAX_NEW_TOKENS)


def concluded(
    said: Reply | None,
    question: str,
    read: Sequence[Span],
    usages: Sequence[Usage],
    *,
    unread: Sequence[Unread] = (),
    count: Callable[[str], int],
) -> Answer:
    """The answer of a flow. said: the last reply, whose usage is among the usages; None where nothing was found.

    read: what the answer may rest on. unread: what no model was shown. count: tokens of a text.
    """
    read = merge(read)
    text = NOT_FOUND if said is None else said.text
    skipped = sum(count(each.span.text) for each in unread)
    return Answer(
        text=text,
        citations=() if said is None else cite(text, question, read),
        usage=together(usages, skipped),
        reasoning="" if said is None else said.reasoning,
        logprobs=() if said is None else said.logprobs,
        complete=said is None or said.complete,
        claims=() if said is None else claims(text, read),
        unread=tuple(unread),
    )
