"""What a rotary base allows at a length, in a number of layers and a number format: a check, not a scheme."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from longspan.parameters import check_range


@dataclass(frozen=True, kw_only=True)
class BaseBounds:
    """Bounds on the base b of θ_j = b^(−2j/d), from rotation as phase modulation. https://arxiv.org/abs/2602.10959

    length: tokens L. layers: N, whose phase drifts multiply. precision: the number format in which angles are made.
    coherence: ε in (0, 1), the part of the slowest channel's cosine that is to be left after all layers. The abstract
    and summaries of the paper give the bounds and no value of ε; 0.5 is ours.

    Necessary conditions for a model that reads with its own frequencies; a model that meets them may still not have
    been trained for the length.
    """

    length: int
    layers: int
    precision: torch.dtype = torch.float32
    coherence: float = 0.5

    def __post_init__(self) -> None:
        check_range("length", self.length, 1)
        check_range("layers", self.layers, 1)
        check_range("coherence", self.coherence, 1e-6, 1 - 1e-6)

    @property
    def aliasing(self) -> float:
        """L / 2π: below it even the slowest channel comes round, and two distances look alike."""
        return self.length / (2 * math.pi)

    @property
    def stability(self) -> float:
        """L / arccos ε: below it the slowest channel's cosine falls under ε within the text."""
        return self.length / math.acos(self.coherence)

    @property
    def depth(self) -> float:
        """L / arccos ε^(1/N): the same for the product of the cosines of N layers."""
        return self.length / math.acos(self.coherence ** (1 / self.layers))

    @property
    def ceiling(self) -> float:
        """1 / ε_mach: from it on a step of one token is lost in the rounding of the slowest channel's angle."""
        return 1 / torch.finfo(self.precision).eps

    def remaining(self, base: float) -> float:
        """What is left of the slowest channel's cosine over L tokens and N layers; 0 once it is not positive."""
        angle = self.length / base
        return math.cos(angle) ** self.layers if angle < math.pi / 2 else 0.0
