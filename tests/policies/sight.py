"""Views made by hand, where only places and layers matter."""

from collections.abc import Sequence

import torch

from longspan.policies.view import View
from scenes import staged


def sight(positions: Sequence[Sequence[int]] = ((0,),), *, observed: int = 0, **facts) -> View:
    """Rows of entries at the given positions, without content; the text ends with the last of them."""
    longest = max(map(len, positions))
    seen = max(row[-1] for row in positions) + 1
    return View(
        **staged(
            {
                "keys": torch.zeros(len(positions), longest, 2),
                "values": torch.zeros(len(positions), longest, 2),
                "positions": torch.tensor([[*row] + [0] * (longest - len(row)) for row in positions]),
                "lengths": [len(row) for row in positions],
                "queries": torch.zeros(2 * len(positions), observed, 2),
                "query_positions": torch.arange(seen - observed, seen),
                "seen": seen,
            }
            | facts
        )
    )
