"""A text of its own that a model reads along with an answer, in order to draft."""

from __future__ import annotations

from collections import abc
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import torch
from torch import Tensor

from longspan.decoding.base import Draft, Drafter, Draws, Proposer, Said, Verifier
from longspan.running.compressing import compress
from longspan.running.drafted import Drafted
from longspan.running.heard import Heard
from longspan.running.moments import Portion, acts_after_pass, next_portion
from longspan.running.passing import forward, run_known
from longspan.running.runner import Request, Runner
from longspan.running.sequence import Mark, Sequence

NOTHING = Draft()
FEW = 16
"""Tokens that are taken up as if they had been generated; more of them are read as a text."""


class Companion(Drafter):
    """Reads along, goes back where the answer goes another way, and begins anew where it cannot go back so far.

    begin: a sequence to read along with, which may have read the beginning of the text already. vocabulary: tokens that
    the answer's model has. nbytes: its memory.
    """

    def __init__(self, begin: Callable[[], Sequence], vocabulary: int) -> None:
        self._begin, self._vocabulary = begin, vocabulary
        self._text: Sequence | None = None
        self._marks: list[tuple[int, Mark]] = []
        self._drafted: Drafted | None = None

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
        within: tuple[Proposer, Verifier] | None = None,
    ) -> list[Said]:
        """How it would go on; nothing where it cannot read what was said."""
        if not self._reads(ids):
            return []
        with self._at_hand(ids):
            logits, heard = self._at(ids), Heard(draws)
            while sure == 0.0 or float(heard.distribution(logits).max()) >= sure:
                token = heard.draw(logits)
                if within is not None:
                    self._sped(ids, heard, count, *within)
                if len(heard.said) >= count:
                    break
                logits = self._passed([token])[0]
        return heard.said[:count]

    def _sped(
        self, ids: abc.Sequence[int], heard: Heard, count: int, proposer: Proposer, verifier: Verifier
    ) -> None:
        """Says so much, with drafts in turn; one token was said already."""
        while (left := count - len(heard.said)) > 0:
            said = [each.token for each in heard.said]
            draft = proposer.propose([*ids, *said], left).within(left)
            rows = self._passed(said[-1:], draft)
            proposer.learn(draft, rows)
            place = -1
            for token in verifier.accept(draft, rows, heard)[:-1]:
                place = draft.after(place)[token]
                self._take_up(token, rows, place + 1)

    def after(self, ids: abc.Sequence[int], draft: Draft) -> Tensor:
        """Logits after some tokens and after each of a draft; all alike where it cannot read what was said."""
        if not self._reads(ids) or not self._reads(draft.ids):
            return torch.zeros(1 + len(draft.ids), self._vocabulary)
        with self._at_hand(ids):
            self._at(ids[:-1])
            return self._passed(ids[-1:], draft)

    def release(self) -> None:
        """Gives all memory back; it would begin anew."""
        self._marks = []
        if self._text is not None:
            self._text.release()
            self._text = None

    def _reads(self, ids: abc.Sequence[int]) -> bool:
        """Whether its model has all of some tokens."""
        return True

    def _at_hand(self, ids: abc.Sequence[int]) -> AbstractContextManager[None]:
        """For the time of one draft of what follows some tokens."""
        return nullcontext()

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

    def _passed(self, tokens: abc.Sequence[int], draft: Draft = NOTHING) -> Tensor:
        """Logits after tokens, as if they had been generated, and after those of a draft, which are not remembered."""
        text, portion = self._next(tokens)
        last = len(portion.ids) - 1
        if draft.ids:
            self._drafted = Drafted(draft, text.engine.seam.device)
            portion = replace(portion, drafted=self._drafted)
        rows, errors = forward(text.engine.seam, [portion], range(last, len(portion.passing)))
        if errors[0] is not None:
            raise errors[0]
        self._has_passed(text, portion, rows[0])
        return rows

    def _take_up(self, token: int, rows: Tensor, row: int) -> None:
        """A token of the last draft, as if it had just passed."""
        text, portion = self._next([token])
        if self._drafted is None:
            raise RuntimeError("a token was accepted of no draft")
        run_known(portion, self._drafted, row)
        self._has_passed(text, portion, rows[row])

    def _next(self, tokens: abc.Sequence[int]) -> tuple[Sequence, Portion]:
        if self._text is None:
            raise RuntimeError("a drafter's text is gone while it drafts")
        self._text.pending = list(tokens)
        return self._text, next_portion(self._text, reading=False)

    def _has_passed(self, text: Sequence, portion: Portion, upcoming: Tensor) -> None:
        text.upcoming = upcoming
        if acts_after_pass(portion):
            compress(text)
        self._mark(text)

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
