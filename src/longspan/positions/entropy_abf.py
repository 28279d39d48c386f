"""Entropy-aware ABF: a larger base, and attention that is sharpened with the query's position."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from longspan.parameters import check_range
from longspan.positions.abf import ABF
from longspan.positions.base import Rope
from longspan.registry import Card

CARD = Card(
    name="entropy-abf",
    target="longspan.positions.entropy_abf:EntropyABF",
    paper="Extending LLMs' Context Window with 100 Samples",
    link="https://arxiv.org/abs/2401.07004",
    year=2024,
    training=True,
    changes="Replaces the rotary base by a larger one, and sharpens attention with the query's position.",
    field=(89,),
)


@dataclass(frozen=True, kw_only=True)
class EntropyABF(ABF):
    """ABF, and the scores of the query at position i times max(1, log_L(i + 1)). https://arxiv.org/abs/2401.07004

    L is the trained window in the model's config; the authors' code has the 4,096 of Llama 2 there. So a model whose
    config was given the longer window after tuning is sharpened only beyond that. Tuning takes few samples, but the
    model needs it. What is said of bases and configs is in `ABF`.
    """

    skip: int = 2
    """First layers whose scores stay as they are."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("skip", self.skip, 0)

    def query_scale(self, queries: Tensor, layer: int, rope: Rope) -> Tensor | None:
        """max(1, ln(i + 1) / ln L); None in the first layers."""
        if layer < self.skip:
            return None
        return ((queries + 1).float().log() / math.log(rope.window)).clamp(min=1.0)
