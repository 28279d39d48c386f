"""Looking inside a model of this process: what the end of a prompt attends to, token by token of the documents."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from longspan.chat import Reasoning
from longspan.dialogue import dialogue
from longspan.errors import FlowError
from longspan.flows.chat import Chat, Local
from longspan.flows.prompting import laid
from longspan.flows.trace import Traced
from longspan.profiles.reading import full_layers
from longspan.running import looking
from longspan.running.looking import Looked
from longspan.spans import Document, Span


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


@contextmanager
def looked(chat: Local, ids: Sequence[int], rows: int, layers: Collection[int]) -> Iterator[Looked]:
    """A look into layers at a prompt, whose last rows look back, as `running.looking.looked` has it."""
    with looking.looked(chat.model.seam, chat.plan, ids, rows, layers) as look:
        yield look
