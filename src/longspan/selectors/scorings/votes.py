"""Soft votes of all heads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from longspan.selectors.scorings.base import Scoring


@dataclass(frozen=True, kw_only=True)
class Votes(Scoring):
    """All heads of a layer visit the same groups, those with the largest sum of softmax weights over the heads.

    The per-head soft vote of TokenSelect, https://arxiv.org/abs/2411.02886.

    scaled: whether the softmax is of the matches times the model's scale, 1/√d, as in attention; the authors' code
    takes it of query · key itself, so that votes are sharper.
    """

    joint: ClassVar[bool] = True

    scaled: bool = False

    def scores(self, match: Tensor, sizes: int | Tensor, scale: float) -> Tensor:
        """One chooser."""
        return (match.float() * (scale if self.scaled else 1.0)).softmax(-1).sum((0, 1))[None, None]
