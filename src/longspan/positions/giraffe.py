"""Giraffe's truncated basis: pairs too slow for the training length get one common frequency, or none."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from longspan.parameters import check_range
from longspan.positions.base import Rope
from longspan.positions.stretch import Stretch
from longspan.registry import Card

CARD = Card(
    name="giraffe",
    target="longspan.positions.giraffe:Giraffe",
    paper="Giraffe: Adventures in Expanding Context Lengths in LLMs",
    link="https://arxiv.org/abs/2308.10882",
    year=2023,
    training=True,
    changes="Gives channels too slow for the training length one common frequency, or none.",
    field=(105,),
)


@dataclass(frozen=True, kw_only=True)
class Giraffe(Stretch):
    """θ_j stays where it is at least 2π/T; between that and 2π/(z·T) it becomes 2π/(low·T), below 0.

    https://arxiv.org/abs/2308.10882, section on the truncated basis; the numbers and names are those of the authors'
    code. Pairs that stay turn at least once within T tokens, so that no longer text shows an angle that is new; the
    common slow frequency tells distances apart. The model has to be tuned with this basis, and its frequencies do
    not depend on the length of the text, nor on the factor, which only says how far the tuned model may read.
    Frequencies that a model's config has scaled are truncated as they are.
    """

    factor: float | None = None
    """The longest text over the trained window; by default as the text needs it."""
    truncate: int | None = None
    """T, the length of the texts that the model was tuned on; by default the trained window."""
    z: float = 8.0
    """A pair turning less than 1/z times within T tokens stops."""
    low: float = 16.0
    """The common frequency turns once in low · T tokens."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.truncate is not None:
            check_range("truncate", self.truncate, 1)
        check_range("z", self.z, 1.0)
        check_range("low", self.low, 1.0)

    def rope(self, rope: Rope) -> Rope:
        """The truncated frequencies; below both bounds, 0 comes first."""
        turn = 2 * math.pi / (self.truncate or rope.window)
        slow = torch.where(rope.inv_freq < turn / self.z, 0.0, turn / self.low)
        return rope.with_(inv_freq=torch.where(rope.inv_freq < turn, slow, rope.inv_freq))
