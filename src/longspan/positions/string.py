"""STRING: far keys are seen at nearer distances, which the model was trained with more often."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal, get_args

import torch
from torch import Tensor

from longspan.errors import PlanError
from longspan.parameters import Budget, check_budget, check_choice, check_range, tokens
from longspan.positions.base import Piece, Positions, Rope, unchanged
from longspan.registry import Card

CARD = Card(
    name="string",
    target="longspan.positions.string:STRING",
    paper="Why Does the Effective Context Length of LLMs Fall Short?",
    link="https://arxiv.org/abs/2410.18745",
    year=2024,
    training=False,
    changes="Shifts far keys nearer, over distances that the model was often trained with.",
    field=(298,),
)


@dataclass(frozen=True, kw_only=True)
class STRING(Positions):
    """Two pieces, no training. https://arxiv.org/abs/2410.18745

    At distances below S: normal. From S on: the query stands at i − S + W, so that the distance S looks like W. All
    pieces rotate keys by their own positions, so keys are stored rotated. Made for texts within the trained window,
    whose greatest distances were rarely trained; it also reaches S − W tokens beyond.

    The authors' code for reading counts a key at the distance S in both pieces, that for generating only in the far
    one, as here.
    """

    piece_count: ClassVar[int] = 2

    shift: Budget = 0.33
    """S, the distance from which on keys are shifted, as tokens or as a share; the authors suggest 0.25 to 0.4."""
    local: Budget = 128
    """W, the distance that S looks like, as tokens or as a share of the trained window; the authors suggest 128,
    256 or 512.
    """
    of: Literal["window", "text"] = "window"
    """What `shift` is a share of: "window", the trained window, as in the paper, or "text", the text's length when
    reading begins, as in the authors' code, where it is the length that is tested. The two differ on shorter
    texts.
    """
    magnitude: float = 1.0
    """What rotated channels are multiplied with. The paper has nothing; the authors' code, with which the published
    figures were made, always has 0.1 · ln 2 + 1, which is magnitude=1.0693.
    """

    def __post_init__(self) -> None:
        check_budget("shift", self.shift)
        check_budget("local", self.local)
        check_range("magnitude", self.magnitude, 0.01)
        check_choice("of", self.of, get_args(Literal["window", "text"]))

    def fitted(self, length: int, trained: int) -> STRING:
        """With S in tokens where it is a share of the text; at least W, at most the trained window."""
        if self.of == "window" or not isinstance(self.shift, float):
            return self
        local = tokens(self.local, trained)
        return replace(self, of="window", shift=min(trained, max(local, int(self.shift * length))))

    def _sizes(self, trained: int) -> tuple[int, int]:
        shift, local = tokens(self.shift, trained), tokens(self.local, trained)
        if not local <= shift <= trained:
            raise PlanError(
                f"string: in a window of {trained}, shift={self.shift} is {shift} tokens and local={self.local} is "
                f"{local}; choose local ≤ shift ≤ {trained}"
            )
        return shift, local

    def rope(self, rope: Rope) -> Rope:
        """The model's own frequencies."""
        return rope if self.magnitude == 1 else rope.with_(magnitude=rope.magnitude * self.magnitude)

    def pieces(self, queries: Tensor, rope: Rope) -> list[Piece]:
        """The keys nearer than S, then the others."""
        shift, local = self._sizes(rope.window)
        near = (queries - shift + 1).clamp(min=0)
        return [
            Piece(queries, unchanged, near, queries + 1),
            Piece(queries - shift + local, unchanged, torch.zeros_like(queries), near),
        ]

    def window(self, trained: int) -> int:
        """L + S − W, where the farthest distance reaches the trained window."""
        shift, local = self._sizes(trained)
        return trained + shift - local
