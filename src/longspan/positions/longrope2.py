"""LongRoPE2: slow pairs of channels are slowed down by searched factors, fast ones by the base that follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from longspan.positions.searched import Searched


@dataclass(frozen=True, kw_only=True)
class LongRoPE2(Searched):
    """θ_j / λ_j, with λ_j ≥ s from the real critical pair on, NTK below it. https://arxiv.org/abs/2502.20082

    The critical pair and the factors from it on are searched for by `longspan extend`, guided by the perplexity of
    needles' tokens. Rotated channels are multiplied by √(1 + ln s / ln L), as in the authors' code. Texts within
    the trained window keep the model's own rotation, as in the paper. The paper then trains on both; this part works
    with any weights.
    """

    method: ClassVar[str] = "longrope2"
