"""Passages of documents that are searched again and again while a flow runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from longspan.flows.inquiry import Inquiry
from longspan.flows.judging import judge_of
from longspan.retrieval.retrievers.base import Retriever
from longspan.spans import Span, merge, render


class Found:
    """An index of passages, which are known by their numbers in the documents' order. spans: all of them."""

    def __init__(self, inquiry: Inquiry, spans: Sequence[Span], retriever: Retriever) -> None:
        self.spans = list(spans)
        said = retriever.say(self.spans, judge_of(inquiry.chat, inquiry.usages.append))
        self._index = retriever.index(self.spans, said=said)
        self._count = inquiry.chat.count_tokens

    def best(self, query: str, count: int) -> list[int]:
        """The passages that speak most of a query, best first, fewer where fewer speak of it."""
        return [number for number, _ in self._index.ranked(query)[:count]]

    def held(self, ranked: Sequence[int], budget: int, *, best_last: bool = False) -> list[int]:
        """Those that come first by rank and take at most so many tokens as they are read.

        They come in the documents' order, or with the best one last.
        """
        taken: list[int] = []
        for number in ranked:
            trial = [number, *taken] if best_last else sorted([*taken, number])
            if self._count(render(self.read(trial))) <= budget:
                taken = trial
        return taken

    def read(self, numbers: Iterable[int]) -> list[Span]:
        """Passages as they are read, those that touch as one."""
        return merge(self.spans[number] for number in numbers)

    def left_out(self, shown: Iterable[int]) -> int:
        """Tokens of the passages that no model was shown."""
        return sum(self._count(self.spans[number].text) for number in {*range(len(self.spans))} - {*shown})
