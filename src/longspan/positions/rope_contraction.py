"""RoPE contraction: a smaller rotary base sets positions further apart."""

from __future__ import annotations

from dataclasses import dataclass

from longspan.parameters import check_range
from longspan.positions.base import Positions, Rope
from longspan.positions.rebase import rebase
from longspan.registry import Card

CARD = Card(
    name="rope-contraction",
    target="longspan.positions.rope_contraction:RopeContraction",
    paper="NeedleChain: Measuring Intact Long-Context Reasoning Capability of Large Language Models",
    link="https://arxiv.org/abs/2507.22411",
    year=2025,
    training=False,
    changes="Lowers the rotary base, so that positions in a short text are told apart better.",
    field=(219,),
    missing="The paper's formula was not to be had; that the base is halved is this library's choice.",
)


@dataclass(frozen=True, kw_only=True)
class RopeContraction(Positions):
    """b' = ratio · b: the opposite of an extension, for texts far shorter than the window.

    Of NeedleChain, https://arxiv.org/abs/2507.22411, which proposes it, without training, so that a model takes in
    everything in a text that is all to the point. Neither the paper's section nor code for it was at hand, only
    summaries that say what it does: it lowers the base, and so tells positions better apart. **The default of the
    ratio and the shorter window are this project's own.** Where a model's config scales its frequencies, the scaling
    stays.
    """

    ratio: float = 0.5
    """The new base over the model's own."""

    def __post_init__(self) -> None:
        check_range("ratio", self.ratio, 0.001, 1.0)

    def rope(self, rope: Rope) -> Rope:
        """θ_j · ratio^(−2j/r)."""
        return rebase(rope, rope.theta * self.ratio)

    def window(self, trained: int) -> int:
        """The trained window times the ratio: within it no pair turns further than it did in training."""
        return max(1, int(trained * self.ratio))
