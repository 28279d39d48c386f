"""Each query head for itself."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from longspan.selectors.base import Visit
from longspan.selectors.scorings.base import Scoring


@dataclass(frozen=True, kw_only=True)
class Heads(Scoring):
    """Each query head chooses what matches it best, as in Quest, https://arxiv.org/abs/2406.10774."""

    def scores(self, match: Tensor, sizes: int | Tensor, visit: Visit) -> Tensor:
        """The matches as they are."""
        return match
