"""The contract of an attention pattern: which key blocks a block of queries visits while reading."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from longspan.errors import PlanError
from longspan.kernels.blocks import BlockIndex

if TYPE_CHECKING:
    from longspan.plan import Plan


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a pattern may look at, in one layer, while one chunk is read.

    query `[heads, n, dim]` and key `[kv_heads, m, dim]`, both rotated; the queries are the last n of the m
    entries that the keys cover. layer counts from 0 of `layers`.
    """

    query: Tensor
    key: Tensor
    layer: int
    layers: int


@dataclass(frozen=True, kw_only=True)
class Pattern(ABC):
    """Base of all patterns.

    A pattern thins out what has not been thinned out yet: keys that a policy has already compressed are all
    visited, and the pattern works on the keys of the chunk at hand. Layers with a sliding window keep theirs.
    """

    @abstractmethod
    def index(self, reading: Reading) -> BlockIndex:
        """The key blocks that each block of queries visits besides its own."""

    def check(self, plan: Plan) -> None:
        """Patterns choose among keys under one rotation; schemes of several pieces are refused."""
        if plan.positions is not None and plan.positions.piece_count > 1:
            raise PlanError(
                f"a pattern works with position schemes of one piece, this one has {plan.positions.piece_count}; "
                "choose positions=yarn(...) or another frequency method, or leave out pattern="
            )
