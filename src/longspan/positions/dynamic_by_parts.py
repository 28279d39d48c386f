"""NTK-by-parts whose factor grows with the text."""

from __future__ import annotations

from dataclasses import dataclass

from longspan.parameters import check_range
from longspan.positions.base import Positions
from longspan.positions.following import Following
from longspan.positions.ntk_by_parts import NTKByParts
from longspan.registry import Card

CARD = Card(
    name="dynamic-by-parts",
    target="longspan.positions.dynamic_by_parts:DynamicByParts",
    paper="YaRN: Efficient Context Window Extension of Large Language Models",
    link="https://arxiv.org/abs/2309.00071",
    year=2023,
    training=False,
    changes="NTK-by-parts whose factor grows with the text, and is 1 within the trained window.",
)


@dataclass(frozen=True, kw_only=True)
class DynamicByParts(Following):
    """NTK-by-parts with s = max(1, l / L), l being the length so far. https://arxiv.org/abs/2309.00071 (section 3.3)

    The authors' code calls it Dynamic-PartNTK.
    """

    beta_fast: float = 32.0
    """A pair that turns more than so many times within L keeps its frequency."""
    beta_slow: float = 1.0
    """A pair that turns less than so many times within L is divided by s; between the two lies a ramp, its ends
    rounded outwards.
    """

    def __post_init__(self) -> None:
        check_range("beta_slow", self.beta_slow, 0.01)
        check_range("beta_fast", self.beta_fast, self.beta_slow)

    def fitted(self, length: int, trained: int) -> Positions:
        """The scheme at this length."""
        return _AtLength(
            factor=max(1.0, length / trained), beta_fast=self.beta_fast, beta_slow=self.beta_slow
        )


@dataclass(frozen=True, kw_only=True)
class _AtLength(Following, NTKByParts):
    """NTK-by-parts with the factor of one length."""
