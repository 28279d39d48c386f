"""How the next token is drawn."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.parameters import check_range, check_whole

_GREEDY = 1e-30
"""A temperature below it leaves nothing to chance, and fp32 cannot divide by it."""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """Greedy at temperature 0, else a draw from what the filters leave, applied in this order.

    temperature: divides the logits. top_k: only the k likeliest tokens. top_p: the fewest tokens whose
    probabilities sum to p (https://arxiv.org/abs/1904.09751). min_p: tokens at least min_p times as likely as the
    likeliest (https://arxiv.org/abs/2407.01082). seed: the same draws every time, −2⁶³ .. 2⁶⁴ − 1.
    """

    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        check_range("temperature", self.temperature, 0.0)
        if self.top_k is not None:
            check_whole("top_k", self.top_k, 1)
        if self.top_p is not None:
            check_range("top_p", self.top_p, 0.0, 1.0)
        if self.min_p is not None:
            check_range("min_p", self.min_p, 0.0, 1.0)
        if self.seed is not None:
            check_whole("seed", self.seed, -(2**63), 2**64 - 1)


class Sampler:
    """Draws the tokens of one sequence, one after another, with a random state of its own."""

    def __init__(self, sampling: Sampling, device: torch.device) -> None:
        from transformers.generation.logits_process import (
            LogitsProcessorList,
            MinPLogitsWarper,
            TemperatureLogitsWarper,
            TopKLogitsWarper,
            TopPLogitsWarper,
        )

        self._greedy = sampling.temperature < _GREEDY
        self._generator = torch.Generator(device)
        if sampling.seed is None:
            self._generator.seed()
        else:
            self._generator.manual_seed(sampling.seed)
        if self._greedy:
            return
        self._filters = LogitsProcessorList([TemperatureLogitsWarper(float(sampling.temperature))])
        if sampling.top_k is not None:
            self._filters.append(TopKLogitsWarper(sampling.top_k))
        if sampling.top_p is not None:
            self._filters.append(TopPLogitsWarper(float(sampling.top_p)))
        if sampling.min_p is not None:
            self._filters.append(MinPLogitsWarper(float(sampling.min_p)))

    def draw(self, logits: Tensor | None) -> int:
        """The next token's id. logits `[vocab]`; None, where nothing was read, is a ValueError."""
        if logits is None:
            raise ValueError("logits is None; read at least 1 token before drawing the next")
        token = int(logits.argmax()) if self._greedy else self.choose(self.distribution(logits))
        self.take(token, logits)
        return token

    def distribution(self, logits: Tensor) -> Tensor:
        """The probabilities by which the next token is drawn, fp32 `[vocab]`."""
        if self._greedy:
            return torch.zeros_like(logits, dtype=torch.float32).index_fill_(0, logits.argmax(), 1.0)
        found: Tensor = self._filters(None, logits[None].float().clone())[0]
        return found.softmax(-1)

    def choose(self, odds: Tensor) -> int:
        """A token by chance, from probabilities `[vocab]`."""
        return int(odds.argmax() if self._greedy else torch.multinomial(odds, 1, generator=self._generator))

    def happens(self, probability: float) -> bool:
        """Whether something of this probability happens."""
        if not 0.0 < probability < 1.0:
            return probability >= 1.0
        device = self._generator.device
        return float(torch.rand((), generator=self._generator, device=device)) < probability

    def take(self, token: int, logits: Tensor) -> None:
        """A token that comes next, given the logits `[vocab]` for it: what follows may depend on it."""

    def ahead(self) -> Sampler:
        """One that draws what this one would, while this one stays where it is."""
        twin = copy(self)
        twin._generator = torch.Generator(self._generator.device)
        twin._generator.set_state(self._generator.get_state())
        return twin

    def apart(self, place: int) -> Sampler:
        """One that draws from the same by chance of its own, which is the same for the same seed and place."""
        twin = copy(self)
        twin._generator = torch.Generator(self._generator.device)
        twin._generator.manual_seed(hash((self._generator.initial_seed(), place)))
        return twin
