"""Random: the baseline that every scorer should beat."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.parameters import check_range
from longspan.policies.base import Policy
from longspan.policies.view import View
from longspan.registry import Card

BITS = 24
"""Whole numbers of so many bits are exact in fp32."""

_MASK = (1 << BITS) - 1
_ODD = 0x9E3779


CARD = Card(
    name="random",
    target="longspan.policies.random:Random",
    paper="A Simple and Effective L2 Norm-Based Strategy for KV Cache Compression",
    link="https://arxiv.org/abs/2406.11430",
    year=2024,
    training=False,
    changes="Keeps entries at random: the baseline for all others.",
)


@dataclass(frozen=True, kw_only=True)
class Random(Policy):
    """Any entries, each head its own: a baseline of https://arxiv.org/abs/2406.11430 and many other papers."""

    seed: int = 0
    """The number from which the choice is drawn. An entry's score depends on seed, layer, head and
    position alone, so that a choice can be repeated, on any device and however the text was cut into chunks.
    """

    def __post_init__(self) -> None:
        check_range("seed", self.seed, 0, _MASK)
        super().__post_init__()

    def scores(self, view: View) -> Tensor:
        """0 ≤ score < 1, no two alike within a head for texts of up to 2^24 tokens."""
        heads = torch.arange(len(view.positions), device=view.positions.device)[:, None]
        mixed = _mixed(view.positions & _MASK)
        for word in (self.seed, view.scene.layer, heads):
            mixed = _mixed(_mixed((mixed + word) & _MASK))
        return mixed.float() / (1 << BITS)


def _mixed(numbers: Tensor) -> Tensor:
    """A permutation of the whole numbers of 24 bits: multiplication by an odd number, and a folded shift."""
    scattered = (numbers * _ODD) & _MASK
    return scattered ^ (scattered >> (BITS // 2))
