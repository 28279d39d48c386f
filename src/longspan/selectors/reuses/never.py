"""Every query chooses anew."""

from __future__ import annotations

from dataclasses import dataclass

from longspan.selectors.reuses.base import Recall, Reuse


@dataclass(frozen=True, kw_only=True)
class Never(Reuse):
    """Every query chooses anew, as in Quest, https://arxiv.org/abs/2406.10774."""

    def recall(self) -> Recall | None:
        """Nothing."""
        return None
