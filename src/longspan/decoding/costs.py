"""What passes of one and of several rows take, measured as they happen."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from statistics import median_low

ROWS = 17
_RECENT = 8
_SLOPE = 0.15  # of a step, for each further row, where nothing was measured: packed weights on a CPU
_FLOOR = 1.0


class Costs:
    """Seconds of passes by length of the text and number of rows; the middle one of the recent ones counts.

    Texts of one length are those that take equally many binary digits. A length of which nothing is known is like the
    nearest one.
    """

    def __init__(self) -> None:
        self._seen: dict[int, dict[int, deque[float]]] = {}
        self._prices: dict[int, list[float]] = {}
        self._noted = 0

    def note(self, length: int, rows: int, seconds: float) -> None:
        """A pass of `rows` rows behind `length` tokens took so many seconds."""
        by_rows = self._seen.setdefault(length.bit_length(), {})
        recent = by_rows.setdefault(rows, deque(maxlen=_RECENT))
        recent.append(seconds)
        self._noted += 1
        if rows > 1 or len(recent) < _RECENT or self._noted % _RECENT == 0:  # a plain step changes little
            self._prices.clear()

    def plain(self, length: int) -> float | None:
        """Seconds of a plain step, None before one was measured."""
        near = self._nearest(length, lambda by_rows: 1 in by_rows)
        return None if near is None else median_low(self._seen[near][1])

    def prices(self, length: int) -> list[float]:
        """What a pass of 1, 2, ... rows takes, in plain steps: between what was measured on a line, never falling."""
        kind = length.bit_length()
        if kind not in self._prices:
            near = self._nearest(length, lambda by_rows: 1 in by_rows and len(by_rows) > 1)
            self._prices[kind] = _line({} if near is None else self._seen[near])
        return self._prices[kind]

    def _nearest(self, length: int, fits: Callable[[dict[int, deque[float]]], bool]) -> int | None:
        kinds = [kind for kind, by_rows in self._seen.items() if fits(by_rows)]
        return min(kinds, key=lambda kind: (abs(kind - length.bit_length()), kind), default=None)


def _line(by_rows: dict[int, deque[float]]) -> list[float]:
    """Prices of 1 .. ROWS rows."""
    if not by_rows:
        return [_FLOOR + _SLOPE * more for more in range(ROWS)]
    one = median_low(by_rows[1])
    known = {1: _FLOOR}
    for rows in sorted(by_rows):
        if rows > 1:
            known[rows] = max(median_low(by_rows[rows]) / one, *known.values())
    found, places = [], sorted(known)
    for rows in range(1, ROWS + 1):
        below = max(place for place in places if place <= rows)
        above = min((place for place in places if place >= rows), default=None)
        if above == below:
            price = known[rows]
        elif above is not None:
            share = (rows - below) / (above - below)
            price = known[below] + share * (known[above] - known[below])
        else:
            slope = max(_SLOPE / 4, (known[below] - _FLOOR) / max(1, below - 1))
            price = known[below] + slope * (rows - below)
        found.append(price)
    return found
