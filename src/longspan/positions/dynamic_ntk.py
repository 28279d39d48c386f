"""Dynamic NTK: the base grows with the text."""

from __future__ import annotations

from dataclasses import dataclass

from longspan.parameters import check_range
from longspan.positions.base import Positions
from longspan.positions.following import Following
from longspan.positions.ntk import NTK
from longspan.registry import Card

CARD = Card(
    name="dynamic-ntk",
    target="longspan.positions.dynamic_ntk:DynamicNTK",
    paper="YaRN: Efficient Context Window Extension of Large Language Models",
    link="https://arxiv.org/abs/2309.00071",
    year=2023,
    training=False,
    changes="Raises the rotary base as the text grows, and leaves it alone within the trained window.",
)


@dataclass(frozen=True, kw_only=True)
class DynamicNTK(Following):
    """b' = b · (s·l/L − (s − 1))^(r/(r−2)) once the length so far, l, exceeds the trained window L; b before that.

    Described in https://arxiv.org/abs/2309.00071 (section 3.3), where s is 1 and each length has the base that NTK
    gives it; the formula with an s is that of transformers.
    """

    factor: float = 1.0
    """s of the formula; above 1, the base grows faster than the text."""

    def __post_init__(self) -> None:
        check_range("factor", self.factor, 1.0)

    def fitted(self, length: int, trained: int) -> Positions:
        """The scheme at this length."""
        return _AtLength(factor=1.0 + self.factor * (max(length / trained, 1.0) - 1.0))


@dataclass(frozen=True, kw_only=True)
class _AtLength(Following, NTK):
    """NTK with the factor of one length."""
