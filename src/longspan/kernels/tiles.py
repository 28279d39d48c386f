"""A region of query–key pairs, cut into rectangles and triangles that dense kernels can run without a mask.

A region is given by two non-decreasing bounds per query: query t sees keys low[t] .. high[t] − 1. Causal
attention, sliding windows and every piece of a position scheme have this form.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

Shape = Literal["full", "causal", "reverse"]


class Tile(NamedTuple):
    """Queries q0..q1 against keys k0..k1.

    full: every pair. causal: the r-th query sees keys k0 .. k0 + r. reverse: the r-th query sees keys
    k0 + r .. k1 − 1. The last two are square.
    """

    q0: int
    q1: int
    k0: int
    k1: int
    shape: Shape


def tiles(low: Sequence[int], high: Sequence[int]) -> Iterator[Tile]:
    """Disjoint tiles whose union is exactly the region. Bounds must rise by 0 or 1 inside a stretch or jump."""
    for start, stop in _stretches(low, high):
        yield from _stretch(low, high, start, stop)


def _stretches(low: Sequence[int], high: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Maximal runs of queries over which both bounds keep one slope, 0 or 1."""
    start, slope = 0, None
    for t in range(1, len(low)):
        step = (low[t] - low[t - 1], high[t] - high[t - 1])
        if step not in _SLOPES or (slope is not None and step != slope):
            yield start, t
            start, slope = t, None
        else:
            slope = step
    if low:
        yield start, len(low)


_SLOPES = {(0, 0), (0, 1), (1, 0), (1, 1)}


def _stretch(low: Sequence[int], high: Sequence[int], start: int, stop: int) -> Iterator[Tile]:
    rows = stop - start
    first_low, last_low = low[start], low[stop - 1]
    first_high, last_high = high[start], high[stop - 1]
    if first_high <= first_low and last_high <= last_low:
        return
    if rows == 1:
        yield Tile(start, stop, first_low, first_high, "full")
        return
    # The core is what every query of the stretch sees; a triangle stands on each side that moves.
    core_start = first_low + rows if last_low > first_low else first_low
    core_stop = first_high - 1 if last_high > first_high else first_high
    if core_start > core_stop:
        middle = (start + stop) // 2
        yield from _stretch(low, high, start, middle)
        yield from _stretch(low, high, middle, stop)
        return
    if core_start > first_low:
        yield Tile(start, stop, first_low, core_start, "reverse")
    if core_stop > core_start:
        yield Tile(start, stop, core_start, core_stop, "full")
    if core_stop < first_high:
        yield Tile(start, stop, core_stop, last_high, "causal")
