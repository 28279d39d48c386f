"""Dual chunk attention: positions inside a chunk, to the chunk before, and to all older ones."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from longspan.errors import PlanError
from longspan.parameters import check_range
from longspan.positions.base import KeyMap, Piece, Positions, Rope
from longspan.registry import Card

CARD = Card(
    name="dca",
    target="longspan.positions.dca:DCA",
    paper="Training-Free Long-Context Scaling of Large Language Models",
    link="https://arxiv.org/abs/2402.17463",
    year=2024,
    training=False,
    changes="Re-uses trained positions inside a chunk, towards the chunk before, and towards all older ones.",
    field=(229,),
)


@dataclass(frozen=True, kw_only=True)
class DCA(Positions):
    """Three pieces, no training; equals the stock model while the input fits one chunk.

    https://arxiv.org/abs/2402.17463. Of the trained window L, a chunk is `chunk` · L tokens; keys lie at j mod c,
    where c is the chunk less `local` · L. Queries stand at i mod c for keys of their own chunk, at
    min(i mod c + c, chunk) for the chunk before, and at the last of these, min(2c − 1, chunk), for older ones. All
    pieces rotate keys alike, so keys are stored rotated.

    With a temperature t, all scores are multiplied by max(1, t · ln s + 1), s being the length of the text over L:
    0.1 is what Qwen2.5-1M, https://arxiv.org/abs/2501.15383, does (in vLLM, where s grows with each generated token;
    here it is the same for all). The authors' code of DCA multiplies queries and keys by 0.05 · ln s + 1 each, which is
    nearly the same; the paper of DCA has no such factor.
    """

    piece_count: ClassVar[int] = 3

    chunk: float = 0.75
    """Length of a chunk as a share of the trained window."""
    local: float = 0.125
    """Share of the trained window that a chunk leaves for keys of the chunk before."""
    temperature: float = 0.0
    """t, by which ln s is multiplied for the factor of the scores; 0 leaves them as they are."""
    factor: float | None = None
    """s, the length of the text over the trained window; None takes it from the text, and what is to be generated,
    when reading begins.
    """

    def __post_init__(self) -> None:
        check_range("chunk", self.chunk, 0.01, 1.0)
        check_range("local", self.local, 0.0, self.chunk - 0.005)
        check_range("temperature", self.temperature, 0.0)
        if self.factor is not None:
            check_range("factor", self.factor, 1.0)

    def fitted(self, length: int, trained: int) -> DCA:
        """With the length over L as the factor, unless one was given or there is no temperature."""
        if self.temperature == 0 or self.factor is not None:
            return self
        return replace(self, factor=max(1.0, length / trained))

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
            Piece(
                torch.full_like(queries, min(2 * period - 1, chunk)), keys, torch.zeros_like(queries), before
            ),
        ]

    def key_map(self, rope: Rope) -> KeyMap:
        """j mod c."""
        period = self._sizes(rope)[1]
        return lambda positions: positions % period

    def query_scale(self, queries: Tensor, layer: int, rope: Rope) -> Tensor | None:
        """t · ln s + 1. ValueError where a temperature is set and s neither given nor fitted."""
        if self.temperature == 0:
            return None
        if self.factor is None:
            raise ValueError("factor is None, allowed 1.0 or more; call fitted(length, trained) first")
        if self.factor == 1:
            return None
        return torch.full(
            queries.shape,
            self.temperature * math.log(self.factor) + 1,
            dtype=torch.float32,
            device=queries.device,
        )

    def window(self, trained: int) -> None:
        """None: distances never exceed the chunk."""
        return
