"""Which tokens may come next, in a text of a given form."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from copy import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor

from longspan.errors import FormError
from longspan.forms.form import Form, limits
from longspan.forms.vocabulary import Vocabulary


class Matching:
    """One text on its way to a form. Tokens are taken, and taken back, at its end; none is looked at behind an end.

    Raises FormError where a form turns out too complex to be followed.
    """

    def __init__(self, form: Form, vocabulary: Vocabulary) -> None:
        from llguidance import LLMatcher

        self._form, self._vocabulary = form, vocabulary
        self._matcher: Any = LLMatcher(vocabulary.own, form.grammar, log_level=0, limits=limits())
        self._ends: frozenset[int] = frozenset()
        self._ended = 0
        self._check()
        if not self._matcher.is_accepting() and not self._bits().any():
            raise FormError(f"{form.kind} allows no text at all; write it otherwise")

    def begin(self, ends: Collection[int]) -> None:
        """The tokens that end what is said."""
        self._ends = frozenset(ends)

    @property
    def complete(self) -> bool:
        """Whether the text is of the form as it is."""
        return bool(self._matcher.is_accepting())

    @property
    def closed(self) -> bool:
        """Whether it is, and nothing may follow."""
        return self.complete and bool(self._matcher.is_stopped())

    def allows(self, token: int) -> bool:
        """Whether a token may come next."""
        if token in self._ends:
            return self.complete
        return 0 <= token < self._vocabulary.size and self._matcher.validate_tokens([token]) == 1

    def mask(self, size: int) -> Tensor:
        """Which tokens of a head of so many may come next, bool `[size]`."""
        allowed = np.zeros(size, dtype=bool)
        if not self._matcher.is_stopped():
            bits = self._bits()[:size]
            allowed[: len(bits)] = bits
        ends = [end for end in self._ends if end < size]
        allowed[ends] = self.complete
        return torch.from_numpy(allowed)

    def take(self, token: int) -> None:
        """The text goes on with a token."""
        if self._ended or token in self._ends or self.closed:
            self._ended += 1
            return
        self._matcher.consume_token(token)
        self._check()

    def back(self, count: int = 1) -> None:
        """The last tokens are taken back."""
        ended = min(count, self._ended)
        self._ended -= ended
        if count > ended and not self._matcher.rollback(count - ended):
            self._check()

    def fork(self) -> Matching:
        """A text that goes its own way from here."""
        twin = copy(self)
        twin._matcher = self._matcher.deep_copy()
        return twin

    def fitting(self, tokens: Sequence[int]) -> int:
        """How many of some tokens, from the first on, may follow one another."""
        known = next((at for at, token in enumerate(tokens) if token >= self._vocabulary.size), len(tokens))
        return 0 if self._ended else int(self._matcher.validate_tokens(list(tokens[:known])))

    def forced(self) -> list[int]:
        """Tokens that follow in any case, as the tokenizer would split them."""
        return [] if self._ended or self.closed else list(self._matcher.compute_ff_tokens())

    def _bits(self) -> Any:
        found = self._matcher.compute_bitmask()
        self._check()
        return np.unpackbits(
            np.frombuffer(found, np.uint8), count=self._vocabulary.size, bitorder="little"
        ).view(bool)

    def _check(self) -> None:
        if self._matcher.is_error():
            said = " ".join(self._matcher.get_error().split()).removesuffix("<non-verbose/>").strip()
            raise FormError(f"{self._form.kind} cannot be followed: {said[:200]}; write a simpler one")
