"""Positions within the cache: what was dropped leaves no gap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from longspan.errors import PlanError
from longspan.positions.base import Positions, Rope
from longspan.registry import Card
from longspan.slots import Slots

CARD = Card(
    name="in-cache",
    target="longspan.positions.in_cache:InCache",
    paper="Efficient Streaming Language Models with Attention Sinks",
    link="https://arxiv.org/abs/2309.17453",
    year=2023,
    training=False,
    changes="Counts positions within the cache, so that what was dropped leaves no gap.",
)


@dataclass(frozen=True, kw_only=True)
class InCache(Positions):
    """StreamingLLM's re-assignment: an entry's position is its rank in the cache. https://arxiv.org/abs/2309.17453

    With entries 0, 1, 2, 3, 6, 7, 8 in the cache, token 9 sees them at the distances 7 to 1, as if they stood at 0 to
    6 and itself at 7. Only distances count: positions are counted back from the token's own in the text, 2 to 8 and 9
    here, so that rows of different length share it; where these numbers grow large, angles are made in fp64. As long
    as a policy keeps fewer entries than the trained window has tokens, a text may be of any length, and no distance
    is one that was not trained. Keys are stored raw and rotated when they are read. While nothing was dropped it is
    the stock model.
    """

    by_rank: ClassVar[bool] = True

    def key_map(self, rope: Rope) -> None:
        """None: where a key stands changes whenever entries before it go."""
        return

    def window(self, trained: int) -> None:
        """None: only what stays in the cache counts."""
        return

    def check(self, plan: Slots) -> None:
        """Refuses policies that demote entries: those no longer lie in the order of the text."""
        if plan.policy is not None and plan.policy.disposer.rest() is not None:
            raise PlanError(
                "in-cache counts entries in the order of the text, and this policy's disposer demotes some; "
                "choose disposer=drop or merge, or leave out positions=in-cache"
            )
