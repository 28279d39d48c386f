"""Dual chunk attention: positions inside a chunk, to the chunk before, and to all older ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from longspan.errors import PlanError
from longspan.parameters import check_range
from longspan.positions.base import KeyMap, Piece, Positions, Rope


@dataclass(frozen=True, kw_only=True)
class DCA(Positions):
    """Three pieces, no training; equals the stock model while the input fits one chunk.

    https://arxiv.org/abs/2402.17463. Of the trained window L, a chunk is `chunk` · L tokens; keys lie at j mod c,
    where c is the chunk less `local` · L. Queries stand at i mod c for keys of their own chunk, at
    min(i mod c + c, chunk) for the chunk before, at the chunk's length for older ones. All pieces rotate keys
    alike, so keys are stored rotated. The authors' code also scales attention by 0.05 · ln s + 1, which the paper
    does not have: it is left out.

    chunk: length of a chunk as a share of the trained window.
    local: share of the trained window that a chunk leaves for keys of the chunk before.
    """

    piece_count: ClassVar[int] = 3

    chunk: float = 0.75
    local: float = 0.125

    def __post_init__(self) -> None:
        check_range("chunk", self.chunk, 0.01, 1.0)
        check_range("local", self.local, 0.0, self.chunk - 0.005)

    def _sizes(self, rope: Rope) -> tuple[int, int]:
        chunk = int(rope.window * self.chunk)
        period = chunk - int(rope.window * self.local)
        if period < 1:
            raise PlanError(
                f"dca: chunk={self.chunk} minus local={self.local} of a window of {rope.window} leaves no position; "
                "raise chunk or lower local"
            )
        return chunk, period

    def pieces(self, queries: Tensor, rope: Rope) -> list[Piece]:
        """Own chunk, the chunk before, older chunks."""
        chunk, period = self._sizes(rope)
        inside = queries % period
        own = queries - inside
        before = (own - period).clamp(min=0)
        keys = self.key_map(rope)
        return [
            Piece(inside, keys, own, queries + 1),
            Piece((inside + period).clamp(max=chunk), keys, before, own),
            Piece(torch.full_like(queries, chunk), keys, torch.zeros_like(queries), before),
        ]

    def key_map(self, rope: Rope) -> KeyMap:
        """j mod c."""
        period = self._sizes(rope)[1]
        return lambda positions: positions % period

    def window(self, trained: int) -> None:
        """None: distances never exceed the chunk."""
        return
