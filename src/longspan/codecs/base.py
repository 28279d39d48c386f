"""The contract of a codec: in which form keys and values are kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Codec(ABC):
    """Base of all codecs. Entries are encoded when they are stored and decoded when a query visits them.

    The chunk that is being read attends to itself at full precision; what was stored before, in its stored form.
    """

    @abstractmethod
    def encode(self, x: Tensor) -> tuple[Tensor, ...]:
        """x `[heads, n, dim]` → tensors `[heads, n, w]` of any widths and dtypes, entry by entry."""

    @abstractmethod
    def decode(self, stored: tuple[Tensor, ...], dtype: torch.dtype) -> Tensor:
        """The way back: tensors `[..., n, w]` → `[..., n, dim]` in `dtype`."""
