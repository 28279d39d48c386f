"""A draft on its way through a pass, behind the generated token that it follows."""

from __future__ import annotations

import torch
from torch import Tensor

from longspan.decoding.base import Draft
from longspan.seam.borrowing import Call
from longspan.store.recurrent_state import RecurrentState


class Drafted:
    """The tokens of a draft, nearest first, as a pass sees them: row 0 is the token that they follow.

    ids: theirs, `[n]`. depths: how far behind row 0 each row stands, `[1 + n]`, never falling. seen: which of the n
    each row sees, itself and its ancestors, bool `[1 + n, n]`. walk: the rows from 1 on, depth first, each with the row
    that it follows. forks: rows that several follow. branches: the rows from 0 to each that none follows, and how many
    of them are in the branch before, too. kept: what each layer with attention was asked for, and
    the keys as they are stored, where that is known of all of them. states: what each recurrent layer knew behind each
    row. Both are for those that are accepted.
    """

    def __init__(self, draft: Draft, device: torch.device) -> None:
        self.ids = torch.tensor(draft.ids, device=device)
        self.depths = torch.tensor([0, *draft.depths], device=device)
        follows = [parent + 1 for parent in draft.parents]
        seen = torch.zeros(1 + len(follows), 1 + len(follows), dtype=torch.bool)
        for row, parent in enumerate(follows, start=1):
            seen[row] = seen[parent]
            seen[row, row] = True
        self.seen = seen[:, 1:].to(device)
        self.walk = _depth_first(follows)
        self.forks = {row for row in follows if follows.count(row) > 1}
        self.branches = _branches(self.walk)
        self.kept: list[tuple[Call, Tensor | None]] = []
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


def _branches(walk: list[tuple[int, int]]) -> list[tuple[list[int], int]]:
    found: list[tuple[list[int], int]] = [([0], 0)]
    for row, parent in walk:
        path, _ = found[-1]
        if path[-1] == parent:
            path.append(row)
        else:
            kept = path.index(parent) + 1
            found.append(([*path[:kept], row], kept))
    return found
