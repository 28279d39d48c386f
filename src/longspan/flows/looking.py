"""Looking inside a model of this process: what the end of a prompt attends to, token by token of the documents."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

import torch
from torch import Tensor

from longspan.chat import Reasoning
from longspan.dialogue import dialogue
from longspan.errors import FlowError, WindowExceeded
from longspan.flows.chat import Chat, Local
from longspan.flows.prompting import laid
from longspan.flows.trace import Traced
from longspan.plan import Plan
from longspan.policies.view import View
from longspan.profiles.reading import full_layers
from longspan.running.reader import Reader, chunk_ends
from longspan.seam.borrowing import Attention, Call
from longspan.spans import Document, Span
from longspan.usage import Usage

_CHUNK = 1024


def local(chat: Chat, flow: str) -> Local:
    """The model of this process that answers. Raises FlowError, naming the flow, for a chat that does not show it."""
    while isinstance(chat, Traced):
        chat = chat.chat
    if not isinstance(chat, Local):
        raise FlowError(
            f"{flow} looks inside the model, which this chat does not show, as no server does; give a model of this "
            "process, or use best-passages"
        )
    return chat


def whole_layers(chat: Local, flow: str) -> list[int]:
    """The layers with attention that see all of a text. Raises FlowError, naming the flow, where there are none."""
    found = full_layers(chat.model.seam)
    if not found:
        raise FlowError(
            f"{flow} looks at layers that see all of a text, and no layer of this model does; use best-passages"
        )
    return found


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A prompt as the model reads it. ids: its tokens. question: the first token that is the question's.

    places: for each token the part of a document that it stands for, None where it is the prompt's own.
    """

    ids: list[int]
    question: int
    reasoning: Reasoning
    places: list[Span | None]

    @property
    def asking(self) -> int:
        """How many tokens there are from the question on."""
        return len(self.ids) - self.question

    def within(self, spans: Sequence[Span]) -> list[int | None]:
        """For each token in which of some disjoint spans it stands, the first of two; None for other tokens."""
        numbers: dict[Document, list[int]] = {}
        for number in sorted(range(len(spans)), key=lambda number: spans[number].start):
            numbers.setdefault(spans[number].document, []).append(number)
        ends = {document: [spans[each].end for each in mine] for document, mine in numbers.items()}
        found: list[int | None] = []
        for place in self.places:
            inside: int | None = None
            if place is not None and place.document in ends:
                first = bisect_right(ends[place.document], place.start)
                if first < len(ends[place.document]):
                    number = numbers[place.document][first]
                    inside = number if spans[number].start < place.end else None
            found.append(inside)
        return found


def placed(chat: Local, spans: Sequence[Span], question: str, name: str = "passages") -> Placed:
    """A prompt of parts of documents and a question, as `prompting.laid` makes it."""
    prompt = laid(name, spans, question)
    said = dialogue(chat.model.tokenizer, [("user", prompt.message["content"])], chat.template)
    (shift,) = said.said
    starts = [start - shift for start in said.starts]
    first = next(number for number, start in enumerate(starts) if start >= prompt.question)
    places: list[Span | None] = [None] * len(said.ids)
    ends = [*starts[1:], starts[-1]]
    for number in range(len(ends) - 2, -1, -1):  # the bytes of one character begin together
        if ends[number] == starts[number]:
            ends[number] = ends[number + 1]
    parts = iter(prompt.spans)
    part = next(parts, None)
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        while part is not None and part[0] + part[1].end - part[1].start <= start:
            part = next(parts, None)
        if part is None:
            break
        begin, span = part
        if end > begin:
            inside = (max(start, begin) - begin, min(end - begin, span.end - span.start))
            places[number] = Span(span.document, span.start + inside[0], span.start + inside[1])
    return Placed(ids=said.ids, question=first, reasoning=said.reasoning, places=places)


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What layers hold of a prompt, with the queries of its last rows, by layer, and what it took to read it."""

    views: dict[int, View]
    usage: Usage


@contextmanager
def looked(chat: Local, ids: Sequence[int], rows: int, layers: Collection[int]) -> Iterator[Looked]:
    """A look into layers at a prompt, whose last rows look back.

    Only the layers up to the last of them run, and only these rows are compared with all keys, so that nothing grows
    with the square of the prompt. The plan counts for its positions alone. Raises WindowExceeded where it does not fit.
    """
    plan, begun = Plan(positions=chat.plan.positions), perf_counter()
    last = max(layers)
    with Reader(chat.model.seam, plan, observe=rows, length=len(ids)) as reader:
        if reader.window is not None and len(ids) > reader.window:
            raise WindowExceeded(
                f"a look at {len(ids):,} tokens > window {reader.window:,}; have the flow look at fewer at a time, or "
                "raise the window with positions=..."
            )
        start = 0
        for end in chunk_ends(len(ids), _CHUNK):
            _run_to(reader, ids[start:end], last)
            start = end
        views = {layer: reader.view(layer, rows) for layer in layers}
        held = sum(each.nbytes for view in views.values() for each in (view.keys, view.values))
        yield Looked(views=views, usage=read_usage(len(ids), perf_counter() - begun, held))


def read_usage(tokens: int, seconds: float, held: int = 0) -> Usage:
    """What it took to read so many tokens. held: bytes of keys and values."""
    return Usage(
        prompt_tokens=tokens,
        generated_tokens=0,
        kv_bytes=held,
        peak_kv_bytes=held,
        prefill_seconds=seconds,
        decode_seconds=0.0,
    )


def _run_to(reader: Reader, ids: Sequence[int], last: int) -> None:
    """Has the layers up to one read tokens."""
    try:
        reader.run(ids, observer=_up_to(last))
    except _EnoughError:
        reader.passed(torch.tensor(ids))


class _EnoughError(Exception):
    """The last layer that is wanted has its keys and queries."""


def _up_to(last: int) -> Callable[[Attention], Attention]:
    def observer(attention: Attention) -> Attention:
        def attended(call: Call) -> Tensor:
            out = attention(call)
            if call.layer == last:
                raise _EnoughError
            return out

        return attended

    return observer
