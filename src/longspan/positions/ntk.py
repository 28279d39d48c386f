"""NTK-aware scaling: a larger base, so that slow channels stretch and fast ones stay."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from longspan.positions.base import Rope
from longspan.positions.stretch import Stretch
from longspan.registry import Card

CARD = Card(
    name="ntk",
    target="longspan.positions.ntk:NTK",
    paper="YaRN: Efficient Context Window Extension of Large Language Models",
    link="https://arxiv.org/abs/2309.00071",
    year=2023,
    training=False,
    changes="Raises the rotary base, so that slow channels stretch by the factor and fast ones stay.",
)


@dataclass(frozen=True, kw_only=True)
class NTK(Stretch):
    """b' = b · s^(r/(r−2)): the slowest pair is stretched by exactly s, the fastest not at all.

    Described with its derivation in https://arxiv.org/abs/2309.00071 (section 3.1).

    On a model whose config already scales its frequencies, the stretch is applied on top of these.
    """

    def rope(self, rope: Rope) -> Rope:
        """θ_j · s^(−2j/(r−2))."""
        pairs = len(rope.inv_freq)
        exponent = torch.arange(pairs, device=rope.inv_freq.device) / max(pairs - 1, 1)
        return rope.with_(
            inv_freq=rope.inv_freq * self.scale**-exponent,
            theta=rope.theta * self.scale ** (pairs / max(pairs - 1, 1)),
        )
