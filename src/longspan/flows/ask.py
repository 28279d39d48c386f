"""One question about some documents: read whole where they fit, else by their best passages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from longspan.conversation import Conversation
from longspan.errors import WindowExceeded
from longspan.flows.kept import can_wait, reading_session
from longspan.flows.passages import Ranking, by_words, choose
from longspan.model import Model
from longspan.parameters import check_choice
from longspan.plan import Plan
from longspan.progress import Watcher
from longspan.running.generation import MAX_NEW_TOKENS, Generation
from longspan.running.source import Prompt
from longspan.running.window import window_exceeded
from longspan.session import Session
from longspan.spans import Answer, Document, Span, tokenize

Flow = Literal["auto", "direct", "passages"]

# A plan whose positions know no bound still reads only what memory and patience allow; passages need a number.
_UNBOUNDED = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What is read for a question, and how that was decided.

    flow: "direct" or "passages". spans are read in this order; passages of total were chosen, and speaking of the
    total share a word with the question. truncated_tokens counts what is left out. window: tokens that the plan allows,
    None where it knows no bound. prompt: what the spans have become, before the question.
    """

    flow: Literal["direct", "passages"]
    spans: tuple[Span, ...]
    passages: int
    total: int
    speaking: int
    prompt_tokens: int
    truncated_tokens: int
    window: int | None
    prompt: Prompt = field(repr=False, compare=False)

    def describe(self) -> str:
        """One line for people."""
        window = "no bound" if self.window is None else f"a window of {self.window:,}"
        if self.flow == "direct":
            return f"read whole: {self.prompt_tokens:,} tokens in {window}"
        read = "the best" if self.speaking else "the first, for want of better ones,"
        return (
            f"read {read} {self.passages:,} of {self.total:,} passages: {self.prompt_tokens:,} tokens in {window}, "
            f"{self.truncated_tokens:,} tokens left out"
        )


def plan_reading(
    model: Model,
    documents: Sequence[Document],
    question: str,
    *,
    plan: Plan,
    flow: Flow,
    max_new_tokens: int,
    template: Mapping[str, Any] | None = None,
    ranked: Ranking = by_words,
) -> Reading:
    """Decides what is read: everything if it fits the plan's window beside the answer, else the best passages.

    flow "direct" reads everything and raises WindowExceeded where it does not fit, "passages" always chooses.
    ranked: how passages are ranked, by BM25 unless said otherwise.
    """
    check_choice("flow", flow, get_args(Flow))
    window = plan.positions.window(model.window) if plan.positions else model.window
    whole = tuple(Span(document, 0, len(document.text)) for document in documents)
    conversation = Conversation(model.tokenizer, template)
    prompt, tokens = _counted(conversation, question, whole)
    fits = window is None or tokens + max_new_tokens <= window
    if flow == "direct" and window is not None and not fits:
        raise window_exceeded(tokens, max_new_tokens, window, model.seam)
    if flow == "direct" or (flow == "auto" and fits):
        return Reading(
            flow="direct",
            spans=whole,
            passages=0,
            total=0,
            speaking=0,
            prompt_tokens=tokens,
            truncated_tokens=0,
            window=window,
            prompt=prompt,
        )
    room = (window or _UNBOUNDED) - max_new_tokens - len(Prompt.asked(conversation, question, ()))
    if room < 1:
        raise WindowExceeded(
            f"question and answer take {(window or _UNBOUNDED) - room:,} tokens > window {window or _UNBOUNDED:,}; "
            f"shorten the question, lower max_new_tokens={max_new_tokens}, or raise the window "
            "with positions=..."
        )
    # The two line breaks between passages and question are the only tokens that the parts do not count.
    chosen = choose(
        documents,
        question,
        max(1, room - len(tokenize(model.tokenizer, "\n\n").ids)),
        model.count,
        ranked=ranked,
    )
    prompt, tokens = _counted(conversation, question, chosen.spans)
    return Reading(
        flow="passages",
        spans=chosen.spans,
        passages=chosen.passages,
        total=chosen.total,
        speaking=chosen.speaking,
        prompt_tokens=tokens,
        truncated_tokens=chosen.skipped_tokens,
        window=window,
        prompt=prompt,
    )


def ask(
    model: Model,
    documents: Sequence[Document],
    question: str,
    *,
    plan: Plan,
    flow: Flow = "auto",
    chunk: int = 2048,
    decided: Callable[[Reading], None] | None = None,
    progress: Watcher | None = None,
    stream: Callable[[str], None] | None = None,
    answered: Callable[[Answer], None] | None = None,
    keep: int = 0,
    note: Callable[[str], None] = lambda line: None,
    generation: Generation | None = None,
    template: Mapping[str, Any] | None = None,
    ranked: Ranking = by_words,
) -> Answer:
    """Answers a question about documents, with checked citations.

    decided is told what will be read before reading begins, progress how far reading has come, stream gets the
    answer piece by piece, answered the whole of it, before what was read is kept. keep, note: bytes for contexts that
    wait in the cache folder for further questions about documents read whole, and what is told of them, see
    `reading_session`. chunk: tokens that pass through the model at a time. generation: how the answer is drawn and
    where it ends, see `Session.generate`. template: variables of the chat template. ranked: how passages are ranked
    where not all are read, by BM25 unless said otherwise.
    """
    generation = generation or {}
    max_new_tokens = generation.get("max_new_tokens", MAX_NEW_TOKENS)
    reading = plan_reading(
        model,
        documents,
        question,
        plan=plan,
        flow=flow,
        max_new_tokens=max_new_tokens,
        template=template,
        ranked=ranked,
    )
    if decided is not None:
        decided(reading)
    opened: AbstractContextManager[Session]
    about: Prompt | tuple[()]
    if reading.flow == "direct" and can_wait(plan):
        (held,) = reading.prompt.held
        asked = len(held) + reading.prompt_tokens - len(reading.prompt)
        opened = reading_session(
            model,
            plan,
            reading.prompt,
            keep=keep,
            note=note,
            progress=progress,
            reserve=asked if plan.policy else asked + max_new_tokens,
            chunk=chunk,
            template=template,
        )
        about, progress = (), None
    else:
        opened = model.session(plan, chunk=chunk, template=template)
        about = reading.prompt
    with opened as session:
        answer = session.ask(
            question,
            about=about,
            progress=progress,
            stream=stream,
            truncated_tokens=reading.truncated_tokens,
            **generation,
        )
        if answered is not None:
            answered(answer)
    return answer


def _counted(conversation: Conversation, question: str, spans: Sequence[Span]) -> tuple[Prompt, int]:
    """What spans become behind a conversation, and how many tokens they are with a question about them."""
    prompt = Prompt.of([conversation], spans)
    return prompt, len(Prompt.asked(conversation, question, prompt))
