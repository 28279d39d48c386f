"""YaRN: slow channels are interpolated, fast ones kept, and attention is sharpened."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from longspan.parameters import check_range
from longspan.positions.base import Positions, Rope


@dataclass(frozen=True, kw_only=True)
class YaRN(Positions):
    """NTK-by-parts with attention scaling. https://arxiv.org/abs/2309.00071

    factor: s, the target length over the trained window L. beta_fast, beta_slow: a pair that turns more than
    beta_fast times within L keeps its frequency, one that turns less than beta_slow times is divided by s, and a
    linear ramp over the pair's number (its ends rounded outwards, as in the authors' code) lies between.
    Rotated channels are multiplied by 0.1 · ln s + 1.
    """

    factor: float
    beta_fast: float = 32.0
    beta_slow: float = 1.0

    def __post_init__(self) -> None:
        check_range("factor", self.factor, 1.0)
        check_range("beta_slow", self.beta_slow, 0.01)
        check_range("beta_fast", self.beta_fast, self.beta_slow)

    def rope(self, rope: Rope) -> Rope:
        """Frequencies blended by the ramp, magnitude times 0.1 · ln s + 1."""

        def pair_turning(times: float) -> float:
            return rope.channels * math.log(rope.window / (times * 2 * math.pi)) / (2 * math.log(rope.theta))

        first = max(math.floor(pair_turning(self.beta_fast)), 0)
        last = min(math.ceil(pair_turning(self.beta_slow)), rope.channels - 1)
        number = torch.arange(len(rope.inv_freq), dtype=torch.float32, device=rope.inv_freq.device)
        ramp = ((number - first) / max(last - first, 0.001)).clamp(0, 1)
        return rope.with_(
            inv_freq=rope.inv_freq / self.factor * ramp + rope.inv_freq * (1 - ramp),
            magnitude=rope.magnitude * (0.1 * math.log(self.factor) + 1.0),
        )

    def window(self, trained: int) -> int:
        """The trained window times the factor."""
        return int(trained * self.factor)
