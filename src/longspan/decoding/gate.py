"""How much of a draft pays: speculation that does not lose.

A draft of m tokens turns a step of one token into a pass of 1 + m rows that gives E tokens. It pays where E is more
than what drafting, passing and taking up take, counted in plain steps. Everything in it is measured: times as passes
happen (`costs.py`), E by the scores of a draft, which are learned from what was said (`odds.py`), or by how deep drafts
without scores were accepted. Nothing here changes what is said, and nothing looks at a clock.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Hashable, Iterator, Sequence
from itertools import accumulate
from statistics import median_low

from longspan.decoding.base import Draft
from longspan.decoding.odds import Odds

SIZES = (1, 2, 3, 4, 6, 8, 12, 16)
"""Tokens that one who takes time to draft is asked for."""

_MARGIN = 1.03
_FREE = 0.02  # of a step: who takes no longer to draft is asked at each
_FADE = 0.8  # what a draft counts after each further one
_SHORTEST, _LONGEST = 2, 64  # steps that are left out at a time


def _hope(depth: Hashable) -> float:
    return 0.8


class Gate:
    """Of one answer and the one who drafts it. All times are in plain steps."""

    def __init__(self) -> None:
        self._odds = Odds(_hope)  # that a draft is right at a depth, if it was so before
        self._drafting: deque[float] = deque(maxlen=8)  # a token
        self._taking: deque[float] = deque(maxlen=8)  # an accepted token up
        self._said, self._paid = 2.5, 2.0  # lately, by drafts
        self._wait, self._pause = 0, _SHORTEST
        self._price, self._depth = 0.0, 0  # of the draft that is verified

    def room(self, prices: Sequence[float]) -> int:
        """Tokens that a draft may have, 0 for none. prices: of passes of 1, 2, ... rows."""
        if self._free:
            return len(prices) - 1
        if self._wait:
            self._wait -= 1
            return 0
        each, best, size = median_low(self._drafting), _MARGIN, 0
        for depth, said in enumerate(self._by_depth(len(prices) - 1), start=1):
            gain = said / (each * depth + prices[depth] + self._take * (said - 1))
            if gain > best and depth in SIZES:
                best, size = gain, depth
        if size == 0:
            self._back_off()
        return size or SIZES[0]

    def chosen(self, draft: Draft, seconds: float, prices: Sequence[float]) -> Draft:
        """What of a draft is to be verified. seconds: what drafting it took."""
        if not draft.ids:
            return draft
        self._drafting.append(seconds / max(draft.depths))
        if self._free and self._wait:
            self._wait -= 1
            return Draft()
        by_score = bool(draft.scores) and not draft.drawn
        best, size = _MARGIN if self._free else 1.0, 0
        for rows, said in _scored(draft) if by_score else self._levels(draft):
            if rows < len(prices):
                gain = said / (prices[rows] + self._take * (said - 1))
                if gain > best:
                    best, size = gain, rows
        if size == 0 and not self._free:
            self._odds.saw(1, False)
            self._weigh(0, seconds)
        if size < len(draft.ids):
            draft = draft.likeliest(size) if by_score else _first(draft, size)
        self._price, self._depth = seconds + prices[size], max(draft.depths, default=0)
        return draft

    def verified(self, said: int) -> None:
        """So many tokens came of the last draft, the one behind it included."""
        for depth in range(1, min(said, self._depth) + 1):
            self._odds.saw(depth, depth < said)
        self._weigh(said, self._price + self._take * (said - 1))

    def took(self, seconds: float) -> None:
        """Taking up an accepted token took so much."""
        self._taking.append(seconds)

    @property
    def _free(self) -> bool:
        return not self._drafting or median_low(self._drafting) <= _FREE

    @property
    def _take(self) -> float:
        return median_low(self._taking) if self._taking else 0.0

    def _by_depth(self, deepest: int) -> list[float]:
        """Tokens that come of drafts of depth 1, 2, ..."""
        said, reached, found = 1.0, 1.0, []
        for depth in range(1, deepest + 1):
            reached *= self._odds.of(depth)
            said += reached
            found.append(said)
        return found

    def _levels(self, draft: Draft) -> Iterator[tuple[int, float]]:
        """Of a draft cut at each depth, its tokens, and those that come of it."""
        counts = Counter(draft.depths)
        rows = accumulate(counts[depth] for depth in sorted(counts))
        return zip(rows, self._by_depth(len(counts)), strict=True)

    def _weigh(self, said: int, paid: float) -> None:
        """A draft gave so many tokens at such a price."""
        self._said = _FADE * self._said + said
        self._paid = _FADE * self._paid + paid
        if self._said < self._paid:
            self._back_off()
        elif said > paid:
            self._pause = _SHORTEST

    def _back_off(self) -> None:
        """Leaves out steps, ever more of them; then a draft is tried that is not expected to pay."""
        self._wait, self._pause = self._pause, min(_LONGEST, 2 * self._pause)
        self._said = self._paid = 1.0


def _scored(draft: Draft) -> Iterator[tuple[int, float]]:
    """Of its likeliest tokens, how many they are, and those that come of them."""
    said = accumulate(sorted(draft.scores, reverse=True))
    return ((rows, 1.0 + more) for rows, more in enumerate(said, start=1))


def _first(draft: Draft, size: int) -> Draft:
    """So many of its first tokens, which are whole depths."""
    return draft.within(draft.depths[size - 1]) if size else Draft()
