"""A draft on its way through a pass, behind the generated token that it follows."""

from __future__ import annotations

import torch
from torch import Tensor

from longspan.decoding.base import Draft
from longspan.seam.borrowing import Call
from longspan.store.recurrent_state import RecurrentState


class Drafted:
    """The tokens of a draft, nearest first, as a pass sees them: row 0 is the token that they follow.

    ids: theirs, `[n]`. depths: how far behind row 0 each row stands, `[1 + n]`, never falling, and as numbers, `steps`.
    seen: which of the n each row sees, itself and its ancestors, bool `[1 + n, n]`. ancestors: the rows that each sees
    before itself, in their order, −1 behind the last, `[1 + n, m]`. walk: the rows from 1 on, depth first, each with
    the row it follows. forks: rows that several follow. kept: what each layer with attention was asked for, and the
    keys as they are stored, where that is known of all of them. entries: instead of it the keys and values of all rows,
    `[layers, 1 + n, kv_heads, dim]`, where all layers were one call. states: what each recurrent layer knew behind each
    row. These are for those that are accepted.
    """

    def __init__(self, draft: Draft, device: torch.device) -> None:
        self.ids = torch.tensor(draft.ids, device=device)
        self.steps = [0, *draft.depths]
        self.depths = torch.tensor(self.steps, device=device)
        follows = [parent + 1 for parent in draft.parents]
        seen = torch.zeros(1 + len(follows), 1 + len(follows), dtype=torch.bool)
        for row, parent in enumerate(follows, start=1):
            seen[row] = seen[parent]
            seen[row, row] = True
        self.seen = seen[:, 1:].to(device)
        above: list[list[int]] = [[]]
        for parent in follows:
            above.append([*above[parent], parent])
        deepest = max(self.steps)
        self.ancestors = torch.tensor([each + [-1] * (deepest - len(each)) for each in above])
        self.walk = _depth_first(follows)
        self.forks = {row for row in follows if follows.count(row) > 1}
        self.kept: list[tuple[Call, Tensor | None]] = []
        self.entries: tuple[Tensor, Tensor] | None = None
        self.states: list[list[RecurrentState]] = []


def _depth_first(follows: list[int]) -> list[tuple[int, int]]:
    after: dict[int, list[int]] = {}
    for row, parent in enumerate(follows, start=1):
        after.setdefault(parent, []).append(row)
    found, waiting = [], [(row, 0) for row in reversed(after.get(0, []))]
    while waiting:
        row, parent = waiting.pop()
        found.append((row, parent))
        waiting += [(each, row) for each in reversed(after.get(row, []))]
    return found
