"""The contract of windows side by side: where texts stand that do not see each other, and how they are then seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Text = Sequence[tuple[int, str, int]]
"""Tokens, and vectors in their place, as things that have an order: for a token its id comes first."""


@dataclass(frozen=True, kw_only=True)
class Windows:
    """Base of all ways to read texts side by side, a method whose parameters are fields, such as `pcw(align=right)`.

    Each text sees what was read before and itself. Either all of them then become one text, whose entries keep the
    positions at which they were read and which goes on behind the farthest, or what follows is read after each alone,
    and what comes next is a mean over them.
    """

    def order(self, texts: Sequence[Text]) -> list[int]:
        """The numbers of the texts in the order in which they are read and kept."""
        return list(range(len(texts)))

    def begins(self, lengths: Sequence[int]) -> list[int]:
        """For each text of so many tokens how far behind what was read before it begins, 0 for directly."""
        return [0] * len(lengths)

    def raised(self, count: int) -> float:
        """What is added to scores of keys that follow `count` texts, before the softmax."""
        return 0.0

    def shares(self, lengths: Sequence[int]) -> list[float] | None:
        """What the texts have to say, 1 in sum, where they stay apart; None where they become one."""
        return None
