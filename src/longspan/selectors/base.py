"""The contract of a selector: which stored entries a decoding query visits, while all of them stay."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from longspan.errors import PlanError

if TYPE_CHECKING:
    from longspan.plan import Plan


class Summary(ABC):
    """What a selector remembers of some rows that are alike, so that it need not read their keys at every query.

    covered counts the entries, from the first on, that the summary describes.
    """

    covered: int = 0

    @abstractmethod
    def extend(self, keys: Tensor) -> None:
        """Takes in the entries from `covered` on. keys `[kv_heads, m, dim]`, rotated."""

    @abstractmethod
    def select(self, query: Tensor, entries: int) -> Tensor | None:
        """The entries to visit of `entries`: ascending int64 `[heads, m]`, or None for all.

        query `[heads, dim]`, rotated, one per head.
        """

    @property
    @abstractmethod
    def nbytes(self) -> int:
        """Memory held."""


@dataclass(frozen=True, kw_only=True)
class Selector(ABC):
    """Base of all selectors. They work while generating; reading is a pattern's business."""

    @abstractmethod
    def summary(self) -> Summary:
        """An empty summary for the rows of one layer and sequence."""

    def skips(self, layer: int, layers: int) -> bool:
        """Whether queries of this layer (from 0 of `layers`) visit everything."""
        return False

    def check(self, plan: Plan) -> None:
        """Summaries describe keys under one rotation; schemes of several pieces are refused."""
        if plan.positions is not None and plan.positions.piece_count > 1:
            raise PlanError(
                f"a selector works with position schemes of one piece, this one has {plan.positions.piece_count}; "
                "choose positions=yarn(...) or another frequency method, or leave out selector="
            )
