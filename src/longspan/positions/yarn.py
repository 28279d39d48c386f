"""YaRN: slow channels are interpolated, fast ones kept, and attention is sharpened."""

from __future__ import annotations

import math
from dataclasses import dataclass

from longspan.positions.base import Rope
from longspan.positions.ntk_by_parts import NTKByParts
from longspan.registry import Card

CARD = Card(
    name="yarn",
    target="longspan.positions.yarn:YaRN",
    paper="YaRN: Efficient Context Window Extension of Large Language Models",
    link="https://arxiv.org/abs/2309.00071",
    year=2023,
    training=False,
    changes="Interpolates slow channels, keeps fast ones, and sharpens attention by 0.1 ln s + 1.",
    field=(301,),
)


@dataclass(frozen=True, kw_only=True)
class YaRN(NTKByParts):
    """NTK-by-parts with attention scaling. https://arxiv.org/abs/2309.00071

    Rotated channels are multiplied by 0.1 · ln s + 1.
    """

    def rope(self, rope: Rope) -> Rope:
        """Frequencies blended by the ramp, magnitude times 0.1 · ln s + 1."""
        own, scale = self._unscaled(rope)
        return super().rope(rope).with_(magnitude=own.magnitude * (0.1 * math.log(scale) + 1.0))
