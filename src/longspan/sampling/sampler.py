"""Draws the tokens of one text, one after another."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from longspan.errors import FormError
from longspan.forms.matching import Matching
from longspan.forms.reasoned import Reasoned
from longspan.sampling.nucleus import Nucleus
from longspan.sampling.penalties import Penalties
from longspan.sampling.settings import Sampling


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What is to be said of a token that was chosen.

    logprobs: ln p of some tokens by the model's own logits, itself first and then the likeliest, None if not asked for.
    complete: whether the text up to it is of the form that is asked for. closed: whether nothing may follow.
    """

    logprobs: tuple[tuple[int, float], ...] | None = None
    complete: bool = True
    closed: bool = False


class Sampler:
    """Draws the tokens of one text, with a random state of its own, and remembers what they change for the next.

    It follows one path: each token that is drawn, or taken as one that was chosen otherwise, is part of the text from
    then on, whether or not it has been said yet, and `back` takes it away again. So each node of a draft is judged by
    its own past. device: where logits lie. form: what the text must be.
    """

    def __init__(
        self, sampling: Sampling, device: torch.device, form: Matching | Reasoned | None = None
    ) -> None:
        self._sampling, self._device, self.form = sampling, device, form
        self._read: Sequence[int] = ()
        self._ends: list[int] = []
        self._count = 0
        self._penalties: Penalties | None = None
        self._taken: deque[Chosen] = deque()
        self._generator = torch.Generator(device)
        if sampling.seed is None:
            self._generator.seed()
        else:
            self._generator.manual_seed(sampling.seed)
        self._filters = None if sampling.greedy else _filters(sampling)
        self._bias: tuple[Tensor, Tensor] | None = None
        if sampling.logit_bias:
            self._bias = (
                torch.tensor(list(sampling.logit_bias), device=device),
                torch.tensor([float(value) for value in sampling.logit_bias.values()], device=device),
            )
        self._changes = self._bias is not None or sampling.repeats or sampling.min_tokens > 0
        self._tells = sampling.logprobs is not None or form is not None
        self._remembers = self._changes or self._tells

    def begin(self, read: Sequence[int], ends: Collection[int]) -> None:
        """What was read before the first token, for penalties, and the tokens that end what is said."""
        if self._remembers:
            self._read, self._ends = list(read), sorted(ends)
        if self.form is not None:
            self.form.begin(ends)

    def draw(self, logits: Tensor | None) -> int:
        """The next token's id. logits `[vocab]`; None, where nothing was read, is a ValueError."""
        if logits is None:
            raise ValueError("logits is None; read at least 1 token before drawing the next")
        greedy = self._filters is None
        token = self._likeliest(logits) if greedy else self.choose(self.distribution(logits))
        self.take(token, logits)
        return token

    def distribution(self, logits: Tensor) -> Tensor:
        """Probabilities `[vocab]` of the next token, fp32, after all that is asked; greedily one has all of it."""
        if self._filters is None:
            found = torch.zeros(len(logits), device=self._device)
            found[self._likeliest(logits)] = 1.0
            return found
        scores = self._changed(logits) if self._changes else logits.to(torch.float32, copy=True)
        scores = self._formed(scores)
        filtered: Tensor = self._filters(None, scores[None])
        return filtered[0].softmax(-1)

    def choose(self, odds: Tensor) -> int:
        """A token by chance, from probabilities `[vocab]`; it is not taken."""
        if self._filters is None:
            return int(odds.argmax())
        reached = odds.cumsum(0, dtype=torch.float64)
        point = reached[-1] * torch.rand(
            (), generator=self._generator, device=self._device, dtype=torch.float64
        )
        token = int(torch.searchsorted(reached, point, right=True))
        return token if token < len(odds) else int(odds.nonzero()[-1])

    def happens(self, probability: float) -> bool:
        """Whether something of this probability happens."""
        if not 0.0 < probability < 1.0:
            return probability >= 1.0
        return self.chance() < probability

    def chance(self) -> float:
        """A number from [0, 1)."""
        return float(torch.rand((), generator=self._generator, device=self._device))

    def take(self, token: int, logits: Tensor) -> None:
        """The text goes on with a token, given the logits `[vocab]` for it."""
        if not self._remembers:
            return
        self._count += 1
        if self._sampling.repeats:
            self._counted(len(logits)).take(token)
        if self.form is not None:
            self.form.take(token)
        if self._tells:
            self._taken.append(self._chosen(token, logits))

    def back(self, count: int = 1) -> None:
        """The last tokens were none; what was drawn for them is not drawn again."""
        for _ in range(count if self._remembers else 0):
            self._count -= 1
            if self._penalties is not None:
                self._penalties.back()
            if self.form is not None:
                self.form.back()
            if self._taken:
                self._taken.pop()

    def ahead(self) -> Sampler:
        """One that draws what this one would, while this one stays where it is."""
        twin = copy(self)
        twin._generator = torch.Generator(self._device)
        twin._generator.set_state(self._generator.get_state())
        twin._taken = self._taken.copy()
        if self._penalties is not None:
            twin._penalties = self._penalties.fork()
        if self.form is not None:
            twin.form = self.form.fork()
        return twin

    def apart(self, place: int) -> Sampler:
        """One that draws from the same by chance of its own, which is the same for the same seed and place."""
        twin = self.ahead()
        twin._generator.manual_seed(hash((self._generator.initial_seed(), place)))
        return twin

    def said(self) -> Chosen | None:
        """What is to be said of the first token that was taken and not asked about yet, None for nothing."""
        return self._taken.popleft() if self._taken else None

    def _likeliest(self, logits: Tensor) -> int:
        scores = self._changed(logits) if self._changes else logits
        token = int(scores.argmax())
        if self.form is None or self._fits(token):
            return token
        return int(self._formed(scores).argmax())

    def _fits(self, token: int) -> bool:
        """Whether the likeliest of all tokens is of the form, which is sooner known than which tokens are."""
        early = self._count < self._sampling.min_tokens and token in self._ends
        return self.form is not None and not early and self.form.allows(token)

    def _formed(self, scores: Tensor) -> Tensor:
        """Scores without tokens that no text of the form goes on with. FormError where none is left."""
        if self.form is None or self.form.closed:
            return scores
        allowed = self.form.mask(len(scores)).to(scores.device)
        formed = scores.masked_fill(~allowed, -math.inf)
        if float(formed.max()) == -math.inf:
            if not (self._ends and bool(allowed[self._ends].any())):
                raise FormError("no token is left that the form allows; take back what bans tokens")
            formed[self._ends] = 0.0
        return formed

    def _chosen(self, token: int, logits: Tensor) -> Chosen:
        asked, form = self._sampling.logprobs, self.form
        return Chosen(
            logprobs=None if asked is None else _logprobs(token, logits, asked),
            complete=form is None or form.complete,
            closed=form is not None and form.closed,
        )

    def _changed(self, logits: Tensor) -> Tensor:
        scores = logits.to(torch.float32, copy=True)
        if self._bias is not None:
            tokens, values = self._bias
            scores[tokens] += values
        if self._sampling.repeats:
            self._counted(len(scores)).apply(scores)
        if self._count < self._sampling.min_tokens and self._ends:
            scores[self._ends] = -math.inf
        return scores

    def _counted(self, size: int) -> Penalties:
        if self._penalties is None:
            self._penalties = Penalties(self._sampling, self._read, size, self._device)
        return self._penalties


def _filters(sampling: Sampling) -> Any:
    from transformers.generation.logits_process import (
        LogitsProcessorList,
        MinPLogitsWarper,
        TemperatureLogitsWarper,
        TopKLogitsWarper,
    )

    filters = LogitsProcessorList([TemperatureLogitsWarper(float(sampling.temperature))])
    if sampling.top_k is not None:
        filters.append(TopKLogitsWarper(sampling.top_k))
    if sampling.top_p is not None:
        filters.append(Nucleus(float(sampling.top_p)))
    if sampling.min_p is not None:
        filters.append(MinPLogitsWarper(float(sampling.min_p)))
    return filters


def _logprobs(token: int, logits: Tensor, count: int) -> tuple[tuple[int, float], ...]:
    known = logits.float().log_softmax(-1)
    values, tokens = known.topk(min(count, len(known)))
    return (token, float(known[token])), *zip(tokens.tolist(), values.tolist(), strict=True)
