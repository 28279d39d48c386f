"""LM-Infinite: recent keys at their true distance, the first ones at a fixed distance, the others not at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from longspan.parameters import Budget, check_budget, check_range, tokens
from longspan.positions.base import Piece, Positions, Rope, unchanged
from longspan.registry import Card

CARD = Card(
    name="lm-infinite",
    target="longspan.positions.lm_infinite:LMInfinite",
    paper="LM-Infinite: Simple On-the-Fly Length Generalization for Large Language Models",
    link="https://arxiv.org/abs/2308.16137",
    year=2023,
    training=False,
    changes="Shows recent keys at their true distance, the first ones at a fixed one, and hides the others.",
    field=(146,),
    missing="The optional attention to the best keys of the middle.",
)


@dataclass(frozen=True, kw_only=True)
class LMInfinite(Positions):
    """Two pieces that leave out the middle, no training. https://arxiv.org/abs/2308.16137

    A Λ: the last `local` keys at their true distance, and of those before them the first `starting` ones, all at the
    distance `local`. As in the authors' code, the query stands at that distance and the first keys at 0, which is also
    where it bounds distances in all of the authors' runs. Keys between the two are not seen, but stay stored:
    `policy=streamingllm` drops them. The two pieces rotate keys differently, so keys are stored raw and rotated when
    they are read. The optional attention to the best keys in the middle is left out.
    """

    piece_count: ClassVar[int] = 2

    starting: int = 10
    """First tokens that are always seen. The paper finds 10 to 100 alike; the authors' runs have either."""
    local: Budget = 1.0
    """Recent tokens, the query's own among them, as tokens or as a share of the trained window."""

    def __post_init__(self) -> None:
        check_range("starting", self.starting, 0)
        check_budget("local", self.local)

    def pieces(self, queries: Tensor, rope: Rope) -> list[Piece]:
        """The recent keys, then the first ones."""
        width = tokens(self.local, rope.window)
        near = (queries - width + 1).clamp(min=0)
        first = near.clamp(max=self.starting)
        return [
            Piece(queries, unchanged, near, queries + 1),
            Piece(torch.full_like(queries, width), torch.zeros_like, torch.zeros_like(queries), first),
        ]

    def key_map(self, rope: Rope) -> None:
        """None: the pieces rotate keys by j and by 0."""
        return

    def window(self, trained: int) -> None:
        """None: distances never exceed `local`."""
        return
