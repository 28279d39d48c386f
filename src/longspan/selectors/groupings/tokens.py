"""Each entry on its own."""

from __future__ import annotations

from dataclasses import dataclass

from longspan.selectors.groupings.base import Grouping, Groups
from longspan.selectors.groupings.pages import PageGroups


@dataclass(frozen=True, kw_only=True)
class Tokens(Grouping):
    """Each entry is visited or left out by itself, as in TokenSelect, https://arxiv.org/abs/2411.02886."""

    def groups(self, sinks: int) -> Groups:
        """Pages of one entry."""
        return PageGroups(sinks, 1)
