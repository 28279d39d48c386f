"""Numbers of one layer of one sequence that belong to its entries."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from longspan.store.state import State


class Statistics(State):
    """What was gathered of a layer. What it holds per entry follows the entries that stay."""

    def keep(self, kept: Sequence[Tensor]) -> None:
        """Of each row only these entries stay, ascending indices. For trackers that hold numbers per entry."""
