"""Prompt lookup: what followed the same words before."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from longspan.decoding.base import Decode, Draft, Proposer
from longspan.decoding.odds import Odds, Watched, scored
from longspan.parameters import check_range
from longspan.registry import Card

CARD = Card(
    name="prompt-lookup",
    target="longspan.decoding.prompt_lookup:PromptLookup",
    paper="Inference with Reference: Lossless Acceleration of Large Language Models",
    link="https://arxiv.org/abs/2304.04487",
    year=2023,
    training=False,
    changes="Drafts what followed the last words where they stood before, in the documents or in the answer.",
)

_PLACES = 8  # earlier places of the same words that are compared


@dataclass(frozen=True, kw_only=True)
class PromptLookup(Decode):
    """Looks for the last tokens earlier in the text, and drafts what followed them there.

    https://arxiv.org/abs/2304.04487 copies from documents beside the answer; here in the form, and with the names and
    defaults, of https://github.com/apoorvumang/prompt-lookup-decoding, from all that was read and said. That takes the
    first place; here the longest match counts, and of equal ones the latest. Every token is in an index of n-grams,
    which takes each new one in at once.
    """

    max_ngram_size: int = 3
    """Tokens at the end that are looked for; fewer, down to one, where they are not found."""
    num_pred_tokens: int = 10
    """Tokens drafted, where a match is no longer than this."""
    longest: int = 16
    """Tokens drafted at most, as many as the match has; a processor verifies no more than these at a gain."""

    def __post_init__(self) -> None:
        check_range("max_ngram_size", self.max_ngram_size, 1)
        check_range("num_pred_tokens", self.num_pred_tokens, 1)
        check_range("longest", self.longest, self.num_pred_tokens)

    def proposer(self) -> Proposer:
        """One with an index of its own."""
        return _Lookup(self)


class _Lookup(Proposer):
    def __init__(self, made: PromptLookup) -> None:
        self._made = made
        self._sizes = range(made.max_ngram_size, 0, -1)
        self._ends: dict[tuple[int, ...], int] = {}  # n-gram -> the token behind its last place
        self._before: list[
            int
        ] = []  # of each token: where the n-gram that ends before it stood earlier, 0 for nowhere
        self._odds = Odds(_hope)
        self._watched = Watched(self._odds)

    def propose(self, ids: Sequence[int], room: int) -> Draft:
        """What followed the longest match."""
        self._take(ids)
        self._watched.follow(ids)
        match, start = self._found(ids)
        if not match:
            return Draft()
        count = min(room, max(self._made.num_pred_tokens, min(match, self._made.longest)))
        coming = list(ids[start : start + count])
        if min(coming) < 0:
            coming = coming[: next(place for place, token in enumerate(coming) if token < 0)]
        kinds = [(_kind(match), min(depth, 2)) for depth in range(1, len(coming) + 1)]
        draft = scored(Draft.line(coming), kinds, self._odds)
        self._watched.begin(draft, kinds, len(ids))
        return draft

    def _take(self, ids: Sequence[int]) -> None:
        """Takes new tokens into the index; of the n-grams that end with the last one nothing follows yet."""
        largest, ends, before = self._made.max_ngram_size, self._ends, self._before
        for place in range(len(before), len(ids)):
            earlier = 0
            for size in range(1, min(largest, place) + 1):
                words = tuple(ids[place - size : place])
                if size == largest:
                    earlier = ends.get(words, 0)
                ends[words] = place
            before.append(earlier)

    def _found(self, ids: Sequence[int]) -> tuple[int, int]:
        """How long the longest match is, 0 for none, and where what followed it begins."""
        for size in self._sizes:
            if size <= len(ids) and (start := self._ends.get(tuple(ids[len(ids) - size :]), 0)):
                break
        else:
            return 0, 0
        best, found = 0, 0
        for _ in range(_PLACES if size == self._made.max_ngram_size else 1):
            length = _alike(ids, start, size, self._made.longest)
            if length > best:
                best, found = length, start
            start = self._before[start]
            if not start or best == self._made.longest:
                break
        return best, found


def _alike(ids: Sequence[int], start: int, length: int, limit: int) -> int:
    """How many tokens before `start` are those at the end; the first `length` are known to be."""
    end = len(ids)
    while length < limit and length < start and ids[start - 1 - length] == ids[end - 1 - length]:
        length += 1
    return length


def _kind(match: int) -> int:
    """Matches that are about equally long, by their shortest."""
    return next(bound for bound in (16, 9, 6, 4, 3, 2, 1) if match >= bound)


def _hope(kind: Hashable) -> float:
    """The first guess for a kind: how long the match is, and whether the token is the first behind it."""
    return _HOPES[kind]


_FIRST = {1: 0.2, 2: 0.35, 3: 0.5, 4: 0.6, 6: 0.7, 9: 0.8, 16: 0.85}
_HOPES: dict[Hashable, float] = {
    (match, depth): hope if depth == 1 else (1 + hope) / 2
    for match, hope in _FIRST.items()
    for depth in (1, 2)
}
