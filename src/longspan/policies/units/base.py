"""The contract of a unit: which entries stay or go together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor

from longspan.policies.view import View


@dataclass(frozen=True, kw_only=True)
class Unit(ABC):
    """Base of all units."""

    @abstractmethod
    def pool(self, scores: Tensor, view: View) -> Tensor:
        """Scores `[kv_heads, n]` that all entries of a unit share; +∞ (must stay) and −∞ (no entry) remain."""

    @abstractmethod
    def choose(self, scores: Tensor, count: int, view: View, row: int) -> Tensor:
        """At most `count` entries of one row, ascending indices int64, in whole units where they fit.

        scores `[n]` of the row's entries alone, pooled; entries at +∞ are always among those chosen.
        """
