"""Parts of documents that were ranked, as many as a budget of tokens holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from longspan.spans import Span
from longspan.spans.rendering import GAP


def fitting(
    spans: Sequence[Span], ranked: Iterable[int], budget: int, count: Callable[[str], int]
) -> list[Span]:
    """Of spans those that come first by rank and fit together, in the order of the spans.

    Each counts with a mark of the gap before it; one that does not fit gives way to the next. count: tokens of a text.
    """
    gap, taken = count(f"\n{GAP}\n"), set()
    for number in ranked:
        if number in taken:
            continue
        tokens = count(spans[number].text) + gap
        if tokens <= budget:
            taken.add(number)
            budget -= tokens
    return [spans[number] for number in sorted(taken)]
