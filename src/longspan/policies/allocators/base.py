"""The contract of an allocator: how many entries each head of a layer may keep."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Allocator(ABC):
    """Base of all allocators."""

    @abstractmethod
    def counts(self, scores: Tensor, budget: int, *, layer: int, layers: int) -> Tensor:
        """Entries to keep in each row.

        scores: fp32 `[kv_heads, n]`, −∞ where a row has no entry, +∞ where an entry must stay. budget: the mean
        number of entries per row. layer counts from 0 of `layers`. Returns int64 `[kv_heads]`.
        """
