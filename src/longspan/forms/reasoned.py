"""A form that begins where a model's reasoning ends."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from longspan.forms.matching import Matching
from longspan.forms.vocabulary import Vocabulary

BEGIN, END = b"<think>", b"</think>"


@dataclass(frozen=True)
class _Moment:
    """Where a text stands: before anything, within its reasoning, just behind it, or in its form.

    tail: the last bytes of the reasoning, among which its end may have begun. formed: whether the last token belongs to
    the form.
    """

    where: Literal["before", "within", "behind", "form"]
    tail: bytes = b""
    formed: bool = False


class Reasoned:
    """A text that may reason before it takes a form; begun: it does so already.

    Within its reasoning all but the end of the answer is allowed, and line breaks right behind it.
    """

    def __init__(self, inner: Matching, vocabulary: Vocabulary, *, begun: bool) -> None:
        self._inner, self._vocabulary = inner, vocabulary
        self._ends: frozenset[int] = frozenset()
        self._past = [_Moment("within" if begun else "before")]

    def begin(self, ends: Collection[int]) -> None:
        """The tokens that end what is said."""
        self._ends = frozenset(ends)
        self._inner.begin(ends)

    @property
    def complete(self) -> bool:
        """Whether the text is of the form as it is."""
        return self._now.where != "within" and self._inner.complete

    @property
    def closed(self) -> bool:
        """Whether it is, and nothing may follow."""
        return self._now.where == "form" and self._inner.closed

    def allows(self, token: int) -> bool:
        """Whether a token may come next."""
        if self._now.where == "within":
            return token not in self._ends and not self._crosses(token)
        return token in self._besides or self._inner.allows(token)

    def mask(self, size: int) -> Tensor:
        """Which tokens of a head of so many may come next, bool `[size]`."""
        if self._now.where == "within":
            allowed = torch.ones(size, dtype=torch.bool)
            for token in [*self._ends, *filter(self._crosses, self._past_ends)]:
                allowed[token] = False
            return allowed
        allowed = self._inner.mask(size)
        for token in self._besides:
            allowed[token] = True
        return allowed

    def take(self, token: int) -> None:
        """The text goes on with a token."""
        now, data = self._now, self._data(token)
        if now.where == "within":
            tail = now.tail + data
            at = tail.rfind(END)
            now = _Moment("within", tail[-len(END) :]) if at < 0 else _Moment("behind")
        elif now.where == "before" and token in self._besides:
            now = _Moment("within")
        elif now.where == "behind" and token in self._besides and not self._inner.allows(token):
            now = _Moment("form")
        else:
            self._inner.take(token)
            now = _Moment("form", formed=True)
        self._past.append(now)

    def back(self, count: int = 1) -> None:
        """The last tokens are taken back."""
        for _ in range(count):
            if self._past.pop().formed:
                self._inner.back()

    def fork(self) -> Reasoned:
        """A text that goes its own way from here."""
        twin = copy(self)
        twin._inner, twin._past = self._inner.fork(), list(self._past)
        return twin

    def fitting(self, tokens: Sequence[int]) -> int:
        """How many of some tokens, from the first on, may follow one another, as far as that is easily told."""
        if self._now.where != "within":
            return self._inner.fitting(tokens)
        tail = self._now.tail
        for count, token in enumerate(tokens):
            tail += self._data(token)
            if token in self._ends or END in tail:
                return count
        return len(tokens)

    def forced(self) -> list[int]:
        """Tokens that follow in any case."""
        return self._inner.forced() if self._now.where == "form" else []

    @property
    def _now(self) -> _Moment:
        return self._past[-1]

    @property
    def _besides(self) -> frozenset[int]:
        """Tokens that may come next besides those of the form."""
        return {"before": self._begins, "behind": self._breaks}.get(self._now.where, frozenset())

    @cached_property
    def _begins(self) -> frozenset[int]:
        return frozenset(token for token, data in enumerate(self._vocabulary.data) if data == BEGIN)

    @cached_property
    def _breaks(self) -> frozenset[int]:
        return frozenset(
            token for token, data in enumerate(self._vocabulary.data) if data and not data.strip(b"\r\n")
        )

    @cached_property
    def _past_ends(self) -> list[int]:
        """Tokens that may hold the end of a reasoning and more than line breaks behind it."""
        last = END[-1:]
        return [
            token
            for token, data in enumerate(self._vocabulary.data)
            if data.rpartition(last)[1] and data.partition(last)[2].strip(b"\r\n")
        ]

    def _crosses(self, token: int) -> bool:
        """Whether a token would end the reasoning and go on, so that a part of it were of no form."""
        _, met, rest = (self._now.tail + self._data(token)).partition(END)
        return bool(met and rest.strip(b"\r\n"))

    def _data(self, token: int) -> bytes:
        return self._vocabulary.data[token] if 0 <= token < self._vocabulary.size else b""
