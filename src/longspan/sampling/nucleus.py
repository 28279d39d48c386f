"""The likeliest tokens that make up a share of all that is likely, without sorting a whole vocabulary."""

from __future__ import annotations

import math

import torch
from torch import Tensor


class Nucleus:
    """Leaves the fewest tokens whose probabilities sum to p, at least one: https://arxiv.org/abs/1904.09751

    Of n tokens, those that are no likelier than (1 − p) / n cannot make up more than 1 − p together, so that they go
    without being sorted. What is left is what the library transformers leaves, but for tokens at the very edge, where
    sums of rounded numbers decide.
    """

    def __init__(self, share: float) -> None:
        self._share = share

    def __call__(self, _: object, scores: Tensor) -> Tensor:
        """Scores `[1, vocab]` with −∞ for the others."""
        if self._share >= 1.0:
            return scores
        odds = scores[0].softmax(-1)
        rest = 1.0 - self._share
        (near,) = torch.nonzero(odds > rest / len(odds), as_tuple=True)
        likely, order = odds[near].sort()
        below = likely.cumsum(0) + (1.0 - likely.sum())
        kept = near[order[(below > rest).nonzero()[:, 0]]]
        if not len(kept):
            kept = odds.argmax()[None]
        left = torch.full_like(scores, -math.inf)
        left[0, kept] = scores[0, kept]
        return left
