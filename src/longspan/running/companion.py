"""A text of its own that a model reads along with an answer, in order to draft."""

from __future__ import annotations

from collections import abc
from collections.abc import Callable
from dataclasses import replace

from torch import Tensor

from longspan.decoding.base import Decode, Draft, Drafter, Draws, Said
from longspan.running.compressing import compress
from longspan.running.drafted import Drafted
from longspan.running.moments import acts_after_pass, next_portion
from longspan.running.passing import forward
from longspan.running.runner import Request, Runner
from longspan.running.sequence import Mark, Sequence

FEW = 16
"""Tokens that are taken up as if they had been generated; more of them are read as a text."""


class Companion(Drafter):
    """Reads along, goes back where the answer goes another way, and begins anew where it cannot go back so far.

    begin: a sequence to read along with, which may have read the beginning of the text already. nbytes: its memory.
    """

    def __init__(self, begin: Callable[[], Sequence]) -> None:
        self._begin = begin
        self._text: Sequence | None = None
        self._marks: list[tuple[int, Mark]] = []

    @property
    def nbytes(self) -> int:
        """Bytes that it holds by itself."""
        return 0 if self._text is None else self._text.bytes_held

    def says(
        self,
        ids: abc.Sequence[int],
        draws: Draws,
        count: int,
        *,
        sure: float = 0.0,
        within: Decode | None = None,
    ) -> list[Said]:
        """How it would go on."""
        logits, said = self._at(ids), list[Said]()
        while True:
            odds = draws.distribution(logits)
            if sure > 0.0 and float(odds.max()) < sure:
                return said
            token = draws.choose(odds)
            draws.take(token, logits)
            said.append(Said(token, odds))
            if len(said) == count:
                return said
            logits = self._passed([token])

    def after(self, ids: abc.Sequence[int], draft: Draft) -> Tensor:
        """Logits after some tokens and after each of a draft."""
        self._at(ids[:-1])
        return self._passed(ids[-1:], draft)

    def release(self) -> None:
        """Gives all memory back; it would begin anew."""
        self._marks = []
        if self._text is not None:
            self._text.release()
            self._text = None

    def _at(self, ids: abc.Sequence[int]) -> Tensor:
        """Logits `[vocab]` after all of some tokens, which it has read then."""
        text = self._gone_back(ids)
        missing = list(ids[text.run :])
        try:
            if len(missing) > FEW:
                _read(text, missing)
                self._mark(text)
            elif missing:
                self._passed(missing)
        except BaseException:
            self.release()  # some layers may know more than others
            raise
        if text.upcoming is None:
            raise ValueError("a drafter has read 0 tokens, drafting needs 1 or more; read something first")
        return text.upcoming

    def _gone_back(self, ids: abc.Sequence[int]) -> Sequence:
        """Its text where it is, or was, one that the tokens begin with."""
        text = self._text
        shared = 0 if text is None else _shared(text.ids, ids)
        while self._marks and self._marks[-1][0] > shared:
            self._marks.pop()
        if text is None or not self._marks:
            self.release()
            text = self._text = self._begin()
            self._mark(text)
        elif text.run > shared:
            text.rewind(self._marks[-1][1])
        del self._marks[1:-1]  # how far the answer goes back is not known, but where this round began it may
        return text

    def _passed(self, tokens: abc.Sequence[int], draft: Draft | None = None) -> Tensor:
        """Logits after tokens, as if they had been generated, and after those of a draft, which are not remembered."""
        text = self._text
        if text is None:
            raise RuntimeError("a drafter's text is gone while it drafts")
        text.pending = list(tokens)
        portion = next_portion(text, reading=False)
        last = len(portion.ids) - 1
        if draft is not None and draft.ids:
            portion = replace(portion, drafted=Drafted(draft, text.engine.seam.device))
        rows, errors = forward(text.engine.seam, [portion], range(last, len(portion.passing)))
        if errors[0] is not None:
            raise errors[0]
        text.upcoming = rows[0]
        if acts_after_pass(portion):
            compress(text)
        self._mark(text)
        return rows if draft is not None else rows[0]

    def _mark(self, text: Sequence) -> None:
        self._marks.append((text.run, text.mark()))


def _read(text: Sequence, ids: list[int]) -> None:
    text.take(ids)
    runner = Runner(text.engine.seam)
    request = runner.add(Request(sequence=text))
    for _ in runner.run():
        pass
    if request.error is not None:
        raise request.error


def _shared(own: abc.Sequence[int], other: abc.Sequence[int]) -> int:
    """With how many tokens both begin."""
    low, high = 0, min(len(own), len(other))
    if own[:high] == other[:high]:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if own[low:middle] == other[low:middle] else (low, middle)
    return low
