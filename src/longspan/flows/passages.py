"""Reading the passages that speak of the question, when the whole does not fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from longspan.errors import WindowExceeded
from longspan.spans import Document, Span, merge, passages, printable, relevance

_GAP = "[...]"
_SMALLEST_PASSAGE = 16  # tokens; below it, passages say too little
_PATIENCE = 32  # passages that are tried in the last gap and do not fit


@dataclass(frozen=True)
class Chosen:
    """What is read, and what is not.

    ``spans`` are in document order; neighbouring passages are one span. ``passages`` of ``total`` were
    chosen. ``tokens`` is the length of ``render(spans)``, ``skipped_tokens`` that of the other passages.
    """

    spans: tuple[Span, ...]
    passages: int
    total: int
    tokens: int
    skipped_tokens: int


def layout(spans: Iterable[Span]) -> list[Span | str]:
    """The spans in their order with what is written between them: document names and marks of gaps.

    A document is announced by a line with its name; ``[...]`` stands where text of it is left out. The
    texts of the parts, joined, are what ``render`` gives, so the place of each span in it is known.
    """
    parts: list[Span | str] = []
    last: Span | None = None
    for span in spans:
        if last is None or last.document != span.document:
            if last is not None:
                parts.append(_ending(last) + "\n\n")
            parts.append(_heading(span.document))
            parts.append(f"{_GAP}\n" if span.start else "")
        elif last.end != span.start:
            parts.append(f"\n{_GAP}\n")
        parts.append(span)
        last = span
    if last is not None:
        parts.append(_ending(last))
    return [part for part in parts if part]


def _heading(document: Document) -> str:
    return f"Document: {printable(document.name, lines=False)}\n"


def _ending(last: Span) -> str:
    return f"\n{_GAP}" if last.end < len(last.document.text) else ""


def render(spans: Iterable[Span]) -> str:
    """The spans as they are read, each with its text unchanged; see ``layout``."""
    return "".join(part if isinstance(part, str) else part.text for part in layout(spans))


def choose(
    documents: Sequence[Document],
    question: str,
    budget: int,
    count: Callable[[str], int],
    passage_tokens: int = 256,
) -> Chosen:
    """The passages that speak most of the question, by BM25, in document order.

    ``count`` gives the number of tokens of a text. ``count(render(spans))``, names and gap marks
    included, never exceeds ``budget``. Passages have at most ``passage_tokens``, and a sixth of the
    budget, so that little of it stays unused; passages that do not speak of the question fill what is
    left, from the first on. If everything fits, everything is chosen.
    Raises ``WindowExceeded`` if the best passage does not fit, and ``ValueError`` if there is no text.
    """
    if budget < 1 or passage_tokens < 1:
        raise ValueError(f"budget={budget} and passage_tokens={passage_tokens} tokens must be 1 or more")
    documents = list(dict.fromkeys(documents))
    size = min(passage_tokens, max(_SMALLEST_PASSAGE, budget // 6))
    parts = [part for document in documents for part in passages(document, size, count) if part.text.strip()]
    if not parts:
        raise ValueError("documents holds no text to choose from; give at least one that has some")
    lengths = [count(part.text) for part in parts]

    def chosen(indices: Iterable[int]) -> tuple[tuple[Span, ...], int]:
        spans = merge(parts[index] for index in sorted(indices))
        return tuple(spans), count(render(spans))

    if sum(lengths) <= 2 * budget:  # else no need to count the whole
        whole = tuple(Span(document, 0, len(document.text)) for document in documents if document.text)
        tokens = count(render(whole))
        if tokens <= budget:
            return Chosen(whole, len(parts), len(parts), tokens, skipped_tokens=0)

    scores = relevance([part.text for part in parts], question)
    ranked = sorted(range(len(parts)), key=scores.__getitem__, reverse=True)
    taken = {ranked[0]}
    spans, tokens = chosen(taken)
    if tokens > budget:
        raise WindowExceeded(
            f"the best passage takes {tokens:,} tokens, the window leaves {budget:,}; raise the window with "
            "positions=..., or ask for fewer new tokens"
        )
    # First with room for a name and two gaps around each passage, then with none: neighbours need none.
    apart = max(count(_heading(document)) for document in documents) + 2 * count(f"\n{_GAP}\n")
    for around in (apart, 0):
        refused: set[int] = set()
        while len(refused) < _PATIENCE:
            batch = _that_fit(ranked, taken | refused, lengths, around, budget - tokens)
            if not batch:
                break
            trial, needed = chosen(taken.union(batch))
            while needed > budget and len(batch) > 1:
                batch = batch[: len(batch) // 2]
                trial, needed = chosen(taken.union(batch))
            if needed <= budget:
                taken, spans, tokens = taken.union(batch), trial, needed
            else:
                refused.update(batch)
    skipped = sum(lengths) - sum(lengths[index] for index in taken)
    return Chosen(spans, len(taken), len(parts), tokens, skipped)


def _that_fit(
    ranked: Sequence[int], passed: set[int], lengths: Sequence[int], around: int, room: int
) -> list[int]:
    """The best passages, not passed over, that by their lengths fit into the room together."""
    batch = []
    for index in ranked:
        if index not in passed and lengths[index] + around <= room:
            batch.append(index)
            room -= lengths[index] + around
    return batch
