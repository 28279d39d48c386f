"""In which form entries are kept."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class Form(Protocol):
    """Turns vectors into stored tensors and back; a codec is one."""

    def encode(self, x: Tensor) -> tuple[Tensor, ...]:
        """x `[heads, n, dim]` → tensors `[heads, n, w]` of any widths and dtypes, entry by entry."""
        ...

    def decode(self, stored: tuple[Tensor, ...], dtype: torch.dtype) -> Tensor:
        """The way back: tensors `[..., n, w]` → `[..., n, dim]` in `dtype`."""
        ...


class Plain:
    """The model's own numbers."""

    def encode(self, x: Tensor) -> tuple[Tensor, ...]:
        """x itself."""
        return (x,)

    def decode(self, stored: tuple[Tensor, ...], dtype: torch.dtype) -> Tensor:
        """The stored tensor itself, without a copy when the dtype is the same."""
        return stored[0].to(dtype)
