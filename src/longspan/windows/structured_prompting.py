"""Structured Prompting: groups that end together, and what follows holds its own against many."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from longspan.registry import Card
from longspan.windows.base import Windows
from longspan.windows.pcw import ending_together

CARD = Card(
    name="structured-prompting",
    target="longspan.windows.structured_prompting:StructuredPrompting",
    paper="Structured Prompting: Scaling In-Context Learning to 1,000 Examples",
    link="https://arxiv.org/abs/2212.06713",
    year=2022,
    training=False,
    changes="Reads groups side by side, all ending at one position, and weighs what follows by their number.",
    field=(265,),
)


@dataclass(frozen=True, kw_only=True)
class StructuredPrompting(Windows):
    """Groups side by side with rescaled attention. https://arxiv.org/abs/2212.06713

    Each group of examples is read alone, and all end at the same position, behind which the input begins. Each query of
    the input, and of what is generated, weighs the keys of the input and its own by the number M of groups, before the
    softmax is normalised: ln M is added to their scores, which is what the authors' code does by repeating them M
    times. So the input keeps its share, however many groups there are.

    Deviation: the authors pad or cut groups to one length; here shorter ones begin later.
    """

    rescaled: bool = True
    """Whether what follows weighs its own keys by the number of groups."""

    def begins(self, lengths: Sequence[int]) -> list[int]:
        """So that all end at one position."""
        return ending_together(lengths)

    def raised(self, count: int) -> float:
        """ln M."""
        return math.log(count) if self.rescaled else 0.0
