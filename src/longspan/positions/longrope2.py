"""LongRoPE2: slow pairs of channels are slowed down by searched factors, fast ones by the base that follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from longspan.positions.searched import Searched
from longspan.registry import Card

CARD = Card(
    name="longrope2",
    target="longspan.positions.longrope2:LongRoPE2",
    paper="LongRoPE2: Near-Lossless LLM Context Window Scaling",
    link="https://arxiv.org/abs/2502.20082",
    year=2025,
    training=False,
    changes="Slows the slow pairs of channels by searched factors, and the fast ones by the base that follows.",
    field=(184,),
    missing="Training on short and long texts together, after the search.",
    trained=True,
)


@dataclass(frozen=True, kw_only=True)
class LongRoPE2(Searched):
    """θ_j / λ_j, with λ_j ≥ s from the real critical pair on, NTK below it. https://arxiv.org/abs/2502.20082

    The critical pair and the factors from it on are searched for by `longspan extend`, guided by the perplexity of
    needles' tokens. Rotated channels are multiplied by √(1 + ln s / ln L), as in the authors' code. Texts within
    the trained window keep the model's own rotation, as in the paper. The paper then trains on both; this part works
    with any weights.
    """

    method: ClassVar[str] = "longrope2"
