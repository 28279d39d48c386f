"""How likely drafted tokens are, learned from what was said instead of them or with them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace

from longspan.decoding.base import Draft

_WEIGHT = 4.0  # tokens that a first guess counts as
_FADE = 0.95  # what a token counts after each further one of its kind


class Odds:
    """How often tokens of a kind were said once those before them were; recent ones count more.

    first: the first guess for a kind, 0 .. 1.
    """

    def __init__(self, first: Callable[[Hashable], float]) -> None:
        self._first = first
        self._known: dict[Hashable, tuple[float, float]] = {}

    def of(self, kind: Hashable) -> float:
        """The odds of a kind, 0 .. 1."""
        known = self._known.get(kind)
        return self._first(kind) if known is None else known[0] / known[1]

    def saw(self, kind: Hashable, said: bool) -> None:
        """One of a kind was said, or was not."""
        right, total = self._known.get(kind) or (self._first(kind) * _WEIGHT, _WEIGHT)
        self._known[kind] = right * _FADE + said, total * _FADE + 1


class Watched:
    """Compares drafts with what is said then, whether they were verified or not, one after the other.

    A draft that the text has not yet decided keeps the next ones from being watched.
    """

    def __init__(self, odds: Odds) -> None:
        self._odds = odds
        self._draft = Draft()
        self._kinds: Sequence[Hashable] = ()
        self._end, self._place, self._over = 0, -1, True

    def follow(self, ids: Sequence[int]) -> None:
        """All tokens so far."""
        while not self._over and self._end < len(ids):
            token, found = ids[self._end], None
            for own, parent in enumerate(self._draft.parents):
                if parent == self._place:
                    said = self._draft.ids[own] == token
                    self._odds.saw(self._kinds[own], said)
                    found = own if said else found
            self._end += 1
            if found is None:
                self._over = True
            else:
                self._place = found
                self._over = found not in self._draft.parents

    def begin(self, draft: Draft, kinds: Sequence[Hashable], end: int) -> None:
        """A draft of what follows `end` tokens. kinds: of each of its tokens."""
        if self._over and draft.ids:
            self._draft, self._kinds, self._end, self._place, self._over = draft, kinds, end, -1, False


def scored(draft: Draft, kinds: Sequence[Hashable], odds: Odds) -> Draft:
    """The draft with its scores: the product of the odds along each token's path."""
    scores: list[float] = []
    for parent, kind in zip(draft.parents, kinds, strict=True):
        scores.append(odds.of(kind) * (1.0 if parent < 0 else scores[parent]))
    return replace(draft, scores=tuple(scores))
