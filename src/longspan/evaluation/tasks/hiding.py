"""Needles at stated depths between other text."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import TypeVar

T = TypeVar("T")


def depth_of(index: int, depths: int = 11) -> float:
    """The depth of sample number `index` where `depths` equally spaced ones from 0 to 1 take turns."""
    return index % depths / (depths - 1)


def hidden(sentences: Sequence[str], needles: Sequence[tuple[float, str]]) -> str:
    """One text of the sentences with each needle (depth, text) where two sentences meet, nearest to its depth.

    Depth is the share of the sentences' characters that come before: 0 is the beginning, 1 the end. Needles of the
    same place stand in the order given.
    """
    ends = [0, *accumulate(len(sentence) + 1 for sentence in sentences)]
    parts = list(sentences)
    places = [_nearest(ends, depth * ends[-1]) for depth, _ in needles]
    for number in reversed(sorted(range(len(needles)), key=lambda number: places[number])):  # noqa: C413
        parts.insert(places[number], needles[number][1])
    return " ".join(parts)


def _nearest(ends: Sequence[int], wanted: float) -> int:
    after = min(bisect_left(ends, wanted), len(ends) - 1)
    before = max(after - 1, 0)
    return before if wanted - ends[before] <= ends[after] - wanted else after


def interleaved(filler: Sequence[T], needles: Sequence[tuple[float, T]]) -> list[T]:
    """The filler with each needle (depth, item) at its depth by number of items, 0 first and 1 last."""
    count = len(filler)
    placed = [((number + 0.5) / count, item) for number, item in enumerate(filler)] + list(needles)
    return [item for _, item in sorted(placed, key=lambda entry: entry[0])]
