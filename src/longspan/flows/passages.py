"""Reading the passages that speak of the question, when the whole does not fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from longspan.errors import WindowExceeded
from longspan.retrieval.retrievers.bm25 import Bm25
from longspan.spans import Document, Span, merge, passages, render
from longspan.spans.rendering import GAP, heading, titles

_SMALLEST_PASSAGE = 16  # tokens; below it, passages say too little
_PATIENCE = 32  # passages that are tried in the last gap and do not fit


@dataclass(frozen=True)
class Chosen:
    """What is read, and what is not.

    ``spans`` are in document order; neighbouring passages are one span. ``passages`` of ``total`` were
    chosen, and ``speaking`` of them all share a word with the question; where everything is read that is not asked,
    and all count. ``tokens`` is the length of ``render(spans)``, ``skipped_tokens`` that of the other passages.
    """

    spans: tuple[Span, ...]
    passages: int
    total: int
    tokens: int
    skipped_tokens: int
    speaking: int


Ranking: TypeAlias = Callable[[Sequence[Span], str], Sequence[int]]
"""The numbers of the spans that speak of a question, best first."""


def by_words(spans: Sequence[Span], question: str) -> list[int]:
    """Those that share a word with the question, by BM25."""
    return [number for number, _ in Bm25().index(spans).ranked(question)]


def choose(
    documents: Sequence[Document],
    question: str,
    budget: int,
    count: Callable[[str], int],
    passage_tokens: int = 256,
    ranked: Ranking = by_words,
) -> Chosen:
    """The passages that speak most of the question, by BM25 or as `ranked` says, in document order.

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
            return Chosen(whole, len(parts), len(parts), tokens, skipped_tokens=0, speaking=len(parts))

    best = ranked(parts, question)
    order = list(dict.fromkeys([*best, *range(len(parts))]))
    taken = {order[0]}
    spans, tokens = chosen(taken)
    if tokens > budget:
        raise WindowExceeded(
            f"the best passage takes {tokens:,} tokens, the window leaves {budget:,}; raise the window with "
            "positions=..., or ask for fewer new tokens"
        )
    # First with room for a name and two gaps around each passage, then with none: neighbours need none.
    apart = max(count(heading(name)) for name in titles(documents)) + 2 * count(f"\n{GAP}\n")
    for around in (apart, 0):
        refused: set[int] = set()
        while len(refused) < _PATIENCE:
            batch = _that_fit(order, taken | refused, lengths, around, budget - tokens)
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
    return Chosen(spans, len(taken), len(parts), tokens, skipped, len(best))


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
