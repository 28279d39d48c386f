"""YaRN whose factor grows with the text."""

from __future__ import annotations

from dataclasses import dataclass

from longspan.positions.base import Positions
from longspan.positions.dynamic_by_parts import DynamicByParts
from longspan.positions.following import Following
from longspan.positions.yarn import YaRN
from longspan.registry import Card

CARD = Card(
    name="dynamic-yarn",
    target="longspan.positions.dynamic_yarn:DynamicYaRN",
    paper="YaRN: Efficient Context Window Extension of Large Language Models",
    link="https://arxiv.org/abs/2309.00071",
    year=2023,
    training=False,
    changes="YaRN whose factor grows with the text, and is 1 within the trained window.",
)


@dataclass(frozen=True, kw_only=True)
class DynamicYaRN(DynamicByParts):
    """YaRN with s = max(1, l / L), l being the length so far. https://arxiv.org/abs/2309.00071 (section 3.3)

    Within the trained window it is the stock model.
    """

    def fitted(self, length: int, trained: int) -> Positions:
        """The scheme at this length."""
        return _AtLength(
            factor=max(1.0, length / trained), beta_fast=self.beta_fast, beta_slow=self.beta_slow
        )


@dataclass(frozen=True, kw_only=True)
class _AtLength(Following, YaRN):
    """YaRN with the factor of one length."""
