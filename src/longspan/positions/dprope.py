"""DPRoPE: each channel pair is interpolated or not, whichever disturbs its rotary angles less."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.parameters import check_range
from longspan.positions.base import Rope
from longspan.positions.stretch import Stretch
from longspan.registry import Card

_SMOOTHING = 2.0**-14
"""Added to the count of each interval, as in the authors' code."""


CARD = Card(
    name="dprope",
    target="longspan.positions.dprope:DPRoPE",
    paper="Extending Context Window of Large Language Models from a Distributional Perspective",
    link="https://arxiv.org/abs/2410.01490",
    year=2024,
    training=False,
    changes="Interpolates a channel only if that disturbs the distribution of its angles less.",
    field=(87,),
)


@dataclass(frozen=True, kw_only=True)
class DPRoPE(Stretch):
    """θ_j or θ_j / s per pair, by the distribution of its angles. https://arxiv.org/abs/2410.01490

    The angles of a pair at the positions 0 .. L − 1 are counted in equal intervals of the circle, and so are those
    at 0 .. s·L − 1 under θ_j and under θ_j / s. The pair is divided if that makes the Kullback-Leibler divergence
    KL(trained ‖ stretched) smaller by more than t. The name, the direction of the divergence, the smoothing of the
    counts and t = 0 are those of the authors' code. It then decides by very little among pairs that turn often, and
    divides some of them; for Llama 2 at 16k, t = 0.1 leaves all that turn at least once within L. Angles are counted
    in fp64 and not in fp32. On a model whose config already scales its frequencies, these are the θ_j.
    """

    intervals: int = 360
    """Equal parts of the circle in which angles are counted."""
    threshold: float = 0.0
    """t, in nats: by how much the divergence must fall for a pair to be divided."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("intervals", self.intervals, 2)
        check_range("threshold", self.threshold, 0.0)

    def rope(self, rope: Rope) -> Rope:
        """Per pair the frequency whose angles are distributed more like the trained ones."""
        target = round(rope.window * self.scale)
        chosen = []
        for own, divided in zip(rope.inv_freq.tolist(), (rope.inv_freq / self.scale).tolist(), strict=True):
            trained = self._angles(own, rope.window)
            kept, pressed = (
                _divergence(trained, self._angles(frequency, target)) for frequency in (own, divided)
            )
            chosen.append(divided if kept > pressed + self.threshold else own)
        return rope.with_(inv_freq=torch.tensor(chosen, dtype=torch.float32, device=rope.inv_freq.device))

    def _angles(self, frequency: float, count: int) -> Tensor:
        """Share of the positions 0 .. count − 1 whose angle lies in each interval, fp64 `[intervals]`."""
        turns = (torch.arange(count, dtype=torch.float64) * frequency).remainder(2 * math.pi) / (2 * math.pi)
        interval = (turns * self.intervals).long().clamp(max=self.intervals - 1)
        return (torch.bincount(interval, minlength=self.intervals) + _SMOOTHING) / count


def _divergence(trained: Tensor, stretched: Tensor) -> float:
    return float((trained * (trained / stretched).log()).sum())
