"""Where the memory of stored entries comes from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor


class Medium(Protocol):
    """A place for tensors. resident: whether what lies there counts as memory of the process."""

    resident: bool

    def empty(self, shape: Sequence[int], like: Tensor) -> Tensor:
        """Room for numbers of `like`'s dtype. It is given back when the last tensor that looks at it is gone."""
        ...

    def prefetch(self, tensors: Sequence[Tensor]) -> None:
        """Announces that these tensors of this medium will be read soon; returns at once."""
        ...


class Memory:
    """The memory of the device where the model computes."""

    resident = True

    def empty(self, shape: Sequence[int], like: Tensor) -> Tensor:
        """On the device of `like`."""
        return torch.empty(tuple(shape), dtype=like.dtype, device=like.device)

    def prefetch(self, tensors: Sequence[Tensor]) -> None:
        """It is there already."""


MEMORY = Memory()
