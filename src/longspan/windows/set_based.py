"""Set-Based Prompting: parts whose order makes no difference, to the bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from longspan.registry import Card
from longspan.windows.base import Text, Windows

CARD = Card(
    name="set-based",
    target="longspan.windows.set_based:SetBased",
    paper="Set-Based Prompting: Provably Solving the Language Model Order Dependency Problem",
    link="https://arxiv.org/abs/2406.06581",
    year=2024,
    training=False,
    changes="Reads parts side by side in the order of their tokens, so that no order in which they are given matters.",
    field=(251,),
)


@dataclass(frozen=True, kw_only=True)
class SetBased(Windows):
    """Parts that share one range of positions and do not see each other. https://arxiv.org/abs/2406.06581

    Each part sees the prefix and itself and begins behind the prefix; what follows begins behind the longest part and
    sees all. By the formula no order of the parts makes a difference, but sums of floating-point numbers depend on the
    order of their terms. So parts are read and kept in the order of their token ids, however they were given, and all
    orders give the same bits.
    """

    def order(self, texts: Sequence[Text]) -> list[int]:
        """By their tokens."""
        return sorted(range(len(texts)), key=lambda number: list(texts[number]))
