"""Pages: so many consecutive entries each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch

from longspan.parameters import check_range
from longspan.registry import Card
from longspan.selectors.base import Chosen, Visit
from longspan.selectors.groupings.base import Formed, Grouping, Groups, Picked, around, per_head

CARD = Card(
    name="pages",
    target="longspan.selectors.groupings.pages:Pages",
    paper="Quest: Query-Aware Sparsity for Efficient Long-Context LLM Inference",
    link="https://arxiv.org/abs/2406.10774",
    year=2024,
    training=False,
    changes="So many consecutive entries are visited or left out together.",
)


@dataclass(frozen=True, kw_only=True)
class Pages(Grouping):
    """Consecutive entries, `size` of them each, as in Quest, https://arxiv.org/abs/2406.10774."""

    paged: ClassVar[bool] = True

    size: int = 16
    """Entries of a page."""

    def __post_init__(self) -> None:
        check_range("size", self.size, 1)

    def groups(self, sinks: int) -> Groups:
        """No pages yet."""
        return PageGroups(sinks, self.size)


class PageGroups(Groups):
    """Page p is entries sinks + p·size .. sinks + (p + 1)·size."""

    def __init__(self, sinks: int, size: int) -> None:
        super().__init__(sinks)
        self._size = size

    @property
    def sizes(self) -> int:
        """All alike."""
        return self._size

    def form(self, visit: Visit, start: int, stop: int) -> Formed | None:
        """The pages that are full before `stop`."""
        count = (stop - start) // self._size
        if count == 0:
            return None
        stop = start + count * self._size
        return Formed(
            start=start, stop=stop, read=partial(visit.keys, start, stop), count=count, sizes=self._size
        )

    def spread(self, picked: Picked, visit: Visit) -> Chosen:
        """Page by page."""
        heads, device = len(visit.query), visit.query.device
        starts = picked.groups * self._size + self.sinks
        if picked.counts is not None:
            starts, counts = (
                per_head(starts, self.rows, heads),
                per_head(picked.counts[..., None], self.rows, heads),
            )
            sizes = (torch.arange(starts.shape[1], device=device) < counts) * self._size
            return around(starts, sizes, self.sinks, self.after(picked), visit.entries)
        inside = (starts[..., None] + torch.arange(self._size, device=device)).flatten(2)
        ends = (range(self.sinks), range(self.after(picked), visit.entries))
        first, last = (torch.arange(end.start, end.stop, device=device).expand(heads, -1) for end in ends)
        return Chosen(torch.cat((first, per_head(inside, self.rows, heads), last), 1))
