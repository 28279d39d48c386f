"""What may be asked of the next token."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypedDict

from longspan.parameters import check_range, check_whole

GREEDY = 1e-30
"""A temperature below it leaves nothing to chance, and fp32 cannot divide by it."""

_LOGPROBS = 20
_BIAS = 100.0


class Drawing(TypedDict, total=False):
    """The fields of `Sampling`, for functions that pass them on."""

    temperature: float
    top_k: int | None
    top_p: float | None
    min_p: float | None
    seed: int | None
    repetition_penalty: float
    repetition_window: int | None
    presence_penalty: float
    frequency_penalty: float
    logit_bias: Mapping[int, float]
    min_tokens: int
    logprobs: int | None


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """Greedy at temperature 0, else a draw; before either, the logits of some tokens are changed, in this order.

    logit_bias: added to the logits of tokens, −100 .. 100, or −∞ for those that may not come. repetition_penalty: the
    logits of tokens that stand in the text, read or generated, are divided by it if positive and multiplied if negative
    (https://arxiv.org/abs/1909.05858, as transformers has it); repetition_window: only of those among the last so many
    tokens, None for all. frequency_penalty, presence_penalty: taken off for each time that a token was generated, and
    once for any that was, −2 .. 2, as OpenAI has them. min_tokens: no end token before so many.

    temperature: then divides the logits. top_k: only the k likeliest tokens. top_p: the fewest tokens whose
    probabilities sum to p (https://arxiv.org/abs/1904.09751). min_p: tokens at least min_p times as likely as the
    likeliest (https://arxiv.org/abs/2407.01082). seed: the same draws every time, −2⁶³ .. 2⁶⁴ − 1.

    logprobs: report ln p of each token and of so many likeliest, 0 .. 20, by the model's own logits: before anything is
    changed or filtered.
    """

    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    seed: int | None = None
    repetition_penalty: float = 1.0
    repetition_window: int | None = None
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    logit_bias: Mapping[int, float] = field(default_factory=dict)
    min_tokens: int = 0
    logprobs: int | None = None

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
        check_range("repetition_penalty", self.repetition_penalty, 0.0)
        if not self.repetition_penalty:
            raise ValueError("repetition_penalty=0 would divide by zero; give one above 0, 1 for none")
        if self.repetition_window is not None:
            check_whole("repetition_window", self.repetition_window, 1)
        check_range("presence_penalty", self.presence_penalty, -2.0, 2.0)
        check_range("frequency_penalty", self.frequency_penalty, -2.0, 2.0)
        _check_bias(self.logit_bias)
        check_whole("min_tokens", self.min_tokens, 0)
        if self.logprobs is not None:
            check_whole("logprobs", self.logprobs, 0, _LOGPROBS)

    def check_vocabulary(self, size: int) -> None:
        """Raises ValueError for a bias of a token that a model of so many tokens has not."""
        for token in self.logit_bias:
            if token >= size:
                raise ValueError(f"logit_bias has the token {token}, outside 0 .. {size - 1}")

    @property
    def greedy(self) -> bool:
        """Whether nothing is left to chance."""
        return self.temperature < GREEDY

    @property
    def repeats(self) -> bool:
        """Whether tokens that were there already count otherwise than others."""
        return self.repetition_penalty != 1 or bool(self.presence_penalty or self.frequency_penalty)


def _check_bias(bias: Mapping[int, float]) -> None:
    if not isinstance(bias, Mapping):
        raise ValueError(f"logit_bias={bias!r} is no mapping; write logit_bias={{token: value}}")
    for token, value in bias.items():
        check_whole("a token of logit_bias", token, 0)
        if value != -math.inf:
            check_range(f"logit_bias[{token}]", value, -_BIAS, _BIAS)
