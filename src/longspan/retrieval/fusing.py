"""Several rankings as one, by reciprocal ranks."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TypeVar

from longspan.parameters import check_range
from longspan.retrieval.retrievers.base import Hit
from longspan.spans import Span

Item = TypeVar("Item", bound=Hashable)


def fuse(
    rankings: Sequence[Sequence[Item]], weights: Sequence[float] | None = None, constant: float = 60
) -> list[tuple[Item, float]]:
    """What the rankings name, best first, with Σ weight / (constant + rank), ranks from 1.

    Of an item that one ranking names twice, the first counts. Equals stand as they are met, the first ranking first. A
    ranking of weight 0 says nothing. Source: Reciprocal Rank Fusion, https://doi.org/10.1145/1571941.1572114. Raises
    ValueError for weights below 0, or not one a ranking.
    """
    weights = [1.0] * len(rankings) if weights is None else list(weights)
    if len(weights) != len(rankings):
        raise ValueError(f"weights has {len(weights)} entries for {len(rankings)} rankings; give one each")
    check_range("constant", constant, 0)
    scores: dict[Item, float] = {}
    for ranking, weight in zip(rankings, weights, strict=True):
        check_range("weights", weight, 0)
        for rank, item in enumerate(dict.fromkeys(ranking) if weight else (), start=1):
            scores[item] = scores.get(item, 0.0) + weight / (constant + rank)
    return sorted(scores.items(), key=lambda each: -each[1])


def fuse_hits(found: Sequence[Sequence[Hit]], weights: Sequence[float] | None = None) -> list[Hit]:
    """Hits of several searches as one list, best first, where spans that overlap are one, as wide as all of them.

    For several queries about one thing, or indices that cut the same documents in other ways.
    """
    whole = _joined([hit.span for hits in found for hit in hits])
    rankings = [[whole[hit.span] for hit in hits] for hits in found]
    return [Hit(span=span, score=score) for span, score in fuse(rankings, weights)]


def _joined(spans: Sequence[Span]) -> dict[Span, Span]:
    """For each span the one that all that overlap it make together."""
    group: dict[Span, Span] = {}
    together: list[Span] = []

    def close() -> None:
        if together:
            first = together[0]
            whole = Span(first.document, first.start, max(each.end for each in together))
            group.update(dict.fromkeys(together, whole))

    number = {document: at for at, document in enumerate(dict.fromkeys(span.document for span in spans))}
    reach = -1
    for span in sorted(set(spans), key=lambda each: (number[each.document], each.start, each.end)):
        if together and (span.document != together[0].document or span.start >= reach):
            close()
            together.clear()
            reach = -1
        together.append(span)
        reach = max(reach, span.end)
    close()
    return group
