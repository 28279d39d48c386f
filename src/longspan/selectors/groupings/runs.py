"""Groups that are runs of entries of any length."""

from __future__ import annotations

from abc import abstractmethod
from functools import partial

import torch
from torch import Tensor

from longspan.selectors.base import Chosen, Visit
from longspan.selectors.column import Column
from longspan.selectors.groupings.base import Formed, Groups, Picked, around, per_head
from longspan.store.state import State


class RunGroups(Groups):
    """Each row has its own runs, as many as the others; some may be empty."""

    def __init__(self, sinks: int) -> None:
        super().__init__(sinks)
        self._starts, self._sizes = Column(), Column()

    @property
    def sizes(self) -> Tensor:
        """Entries of each run."""
        return self._sizes.value

    @abstractmethod
    def ends(self, visit: Visit, start: int, stop: int) -> list[list[int]]:
        """Where runs from `start` on end, per row, ascending and not behind `stop`; one row stands for all."""

    def form(self, visit: Visit, start: int, stop: int) -> Formed | None:
        """The runs that have ended in all rows; what one row has behind the end of another belongs to later runs."""
        found = self.ends(visit, start, stop)
        last, count = min((row[-1] if row else start) for row in found), max(map(len, found))
        if last == start:
            return None
        rows = self.rows or len(visit.keys(0, 1))
        padded = [[min(end, last) for end in row] + [last] * (count - len(row)) for row in found]
        ends = torch.tensor(padded, device=visit.query.device).expand(rows, -1)
        starts = torch.cat((torch.full_like(ends[:, :1], start), ends[:, :-1]), 1)
        self._starts.append(starts)
        self._sizes.append(ends - starts)
        return Formed(
            start=start, stop=last, read=partial(visit.keys, start, last), count=count, sizes=ends - starts
        )

    def spread(self, picked: Picked, visit: Visit) -> Chosen:
        """Run by run."""
        starts, sizes = self.picked(picked, len(visit.query), self._starts.value)
        return around(starts, sizes, self.sinks, self.after(picked), visit.entries)

    def picked(self, picked: Picked, heads: int, starts: Tensor) -> tuple[Tensor, Tensor]:
        """Starts and sizes `[heads, k]` of the picked groups; those beyond their number have size 0."""
        groups = per_head(picked.groups, self.rows, heads)
        each = heads // self.rows
        starts, sizes = (all.repeat_interleave(each, 0).gather(1, groups) for all in (starts, self.sizes))
        if picked.counts is not None:
            counts = per_head(picked.counts[..., None], self.rows, heads)
            sizes = sizes * (torch.arange(groups.shape[1], device=groups.device) < counts)
        return starts, sizes

    @property
    def parts(self) -> dict[str, State]:
        """The runs."""
        return {"starts": self._starts, "sizes": self._sizes}
