"""Each entry on its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from longspan.registry import Card
from longspan.selectors.groupings.base import Grouping, Groups
from longspan.selectors.groupings.pages import PageGroups

CARD = Card(
    name="tokens",
    target="longspan.selectors.groupings.tokens:Tokens",
    paper="TokenSelect: Efficient Long-Context Inference and Length Extrapolation for LLMs via Dynamic "
    "Token-Level KV Cache Selection",
    link="https://arxiv.org/abs/2411.02886",
    year=2024,
    training=False,
    changes="Each entry is visited or left out by itself.",
)


@dataclass(frozen=True, kw_only=True)
class Tokens(Grouping):
    """Each entry is visited or left out by itself, as in TokenSelect, https://arxiv.org/abs/2411.02886."""

    paged: ClassVar[bool] = True

    def groups(self, sinks: int) -> Groups:
        """Pages of one entry."""
        return PageGroups(sinks, 1)
