"""Positions within the cache: what was dropped leaves no gap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from longspan.positions.base import Positions, Rope


@dataclass(frozen=True, kw_only=True)
class InCache(Positions):
    """StreamingLLM's re-assignment: an entry's position is its rank in the cache. https://arxiv.org/abs/2309.17453

    With entries 0, 1, 2, 3, 6, 7, 8 in the cache, token 9 sees them at the positions 0 to 6 and stands at 7. As long as
    a policy keeps fewer entries than the trained window has tokens, a text may be of any length, and no distance is
    one that was not trained. Keys are stored raw and rotated when they are read. While nothing was dropped it is the
    stock model.
    """

    by_rank: ClassVar[bool] = True

    def key_map(self, rope: Rope) -> None:
        """None: where a key stands changes whenever entries before it go."""
        return

    def window(self, trained: int) -> None:
        """None: only what stays in the cache counts."""
        return
