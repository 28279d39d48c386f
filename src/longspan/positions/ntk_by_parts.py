"""NTK-by-parts: slow channels are interpolated, fast ones kept, and a ramp lies between."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from longspan.parameters import check_range
from longspan.positions.base import Rope
from longspan.positions.stretch import Stretch
from longspan.registry import Card

CARD = Card(
    name="ntk-by-parts",
    target="longspan.positions.ntk_by_parts:NTKByParts",
    paper="YaRN: Efficient Context Window Extension of Large Language Models",
    link="https://arxiv.org/abs/2309.00071",
    year=2023,
    training=False,
    changes="Interpolates slow channels and keeps fast ones, with a ramp between them.",
)


@dataclass(frozen=True, kw_only=True)
class NTKByParts(Stretch):
    """YaRN's frequencies without its attention factor. https://arxiv.org/abs/2309.00071 (section 3.2)

    The ramp is linear in the pair's number, as in YaRN's code and in transformers; the paper's formula is linear in
    how often the pair turns. On a model whose config has a YaRN of its own, both make one stretch by the product
    of their factors; on other scaled frequencies (Llama 3, LongRoPE) the ramp acts on these, with the ends that the
    model's base and window give.
    """

    beta_fast: float = 32.0
    """A pair that turns more than so many times within L keeps its frequency."""
    beta_slow: float = 1.0
    """A pair that turns less than so many times within L is divided by s; between the two lies a ramp, its ends
    rounded outwards.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("beta_slow", self.beta_slow, 0.01)
        check_range("beta_fast", self.beta_fast, self.beta_slow)

    def rope(self, rope: Rope) -> Rope:
        """Frequencies blended by the ramp."""
        own, scale = self._unscaled(rope)

        def pair_turning(times: float) -> float:
            return own.channels * math.log(own.window / (times * 2 * math.pi)) / (2 * math.log(own.theta))

        first = max(math.floor(pair_turning(self.beta_fast)), 0)
        last = min(math.ceil(pair_turning(self.beta_slow)), own.channels - 1)
        number = torch.arange(len(own.inv_freq), dtype=torch.float32, device=own.inv_freq.device)
        ramp = ((number - first) / max(last - first, 0.001)).clamp(0, 1)
        return rope.with_(inv_freq=torch.lerp(own.inv_freq, own.inv_freq / scale, ramp), unscaled=None)

    def _unscaled(self, rope: Rope) -> tuple[Rope, float]:
        """What there was before the config's YaRN, and the stretch from there."""
        if rope.unscaled is None or rope.channels == 0:
            return rope, self.scale
        return rope.unscaled, self.scale * rope.window / rope.unscaled.window
