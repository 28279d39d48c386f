"""What the rotary modules of a borrowed network give instead, so that queries and keys stay as they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

import torch
from torch import Tensor, nn


class Unrotated:
    """The forward of a rotary module that does not rotate: cosine 1 and sine 0 everywhere, as wide as the module's own.

    light: whether these are objects that multiply without work, or tensors, for families that do more with them
    than multiply and add.
    """

    def __init__(self, rotary: nn.Module, *, light: bool) -> None:
        self._light = light
        x, position_ids = torch.zeros(1, 1, 1), torch.zeros(1, 1, dtype=torch.long)
        self._widths = {}
        for kind, buffer in frequencies(rotary):
            x, position_ids = x.to(buffer.device), position_ids.to(buffer.device)
            turn = rotary(x, position_ids, kind) if kind else rotary(x, position_ids)
            if not isinstance(turn, tuple) or len(turn) != 2:
                raise TypeError(f"{type(rotary).__name__} gives something other than a cosine and a sine")
            self._widths[kind] = turn[0].shape[-1]

    def __call__(
        self, x: Tensor, position_ids: Tensor | None = None, layer_type: str | None = None
    ) -> tuple[Tensor | _One, Tensor | _Zero]:
        width = self._widths[layer_type if layer_type in self._widths else next(iter(self._widths))]
        if self._light:
            return _One(width), _Zero(width)
        return x.new_ones(1, 1, width), x.new_zeros(1, 1, width)


class _One:
    """A cosine of 1: what it multiplies stays the same tensor."""

    def __init__(self, width: int) -> None:
        self.shape = (1, 1, width)

    def unsqueeze(self, dim: int) -> Self:
        """Broadcasting needs no dimensions here."""
        return self

    def to(self, *_: Any, **__: Any) -> Self:
        """Numbers without a format."""
        return self

    def __rmul__(self, x: Any) -> Any:
        return x


class _Zero(_One):
    """A sine of 0: what it multiplies vanishes from the sum."""

    def __rmul__(self, x: Any) -> Any:
        return self

    def __radd__(self, x: Any) -> Any:
        return x


def frequencies(rotary: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Kinds of layers with their inverse frequencies; one kind without a name in most families."""
    for name, buffer in rotary.named_buffers(recurse=False):
        if name.endswith("inv_freq") and "original" not in name:
            yield name.removesuffix("inv_freq").rstrip("_"), buffer
