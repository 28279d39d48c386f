"""Quest: pages of keys, bounded by their channel-wise minimum and maximum."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.parameters import check_range
from longspan.selectors.base import Selector, Summary


@dataclass(frozen=True, kw_only=True)
class Quest(Selector):
    """Visits the pages whose keys could score highest. https://arxiv.org/abs/2406.10774

    The bound on a page's best score is Σ max(q·min, q·max) over channels. As in the authors' kernels the last
    page is always among those visited.

    budget: entries visited per query head, in whole pages, at least 3 of them.
    page: entries of a page.
    dense: first layers that visit everything.
    """

    budget: int = 1024
    page: int = 16
    dense: int = 2

    def __post_init__(self) -> None:
        check_range("page", self.page, 1)
        check_range("budget", self.budget, self.page)
        check_range("dense", self.dense, 0)

    @property
    def pages(self) -> int:
        """Pages visited per query head."""
        return max(3, self.budget // self.page)

    def summary(self) -> Summary:
        """Bounds per page."""
        return Pages(self)

    def skips(self, layer: int, layers: int) -> bool:
        """The first layers attend densely."""
        return layer < self.dense


class Pages(Summary):
    """Per full page the largest and the smallest value of each key channel."""

    def __init__(self, quest: Quest) -> None:
        self._quest = quest
        self._bounds: Tensor | None = None
        self._count = 0

    @property
    def nbytes(self) -> int:
        """Memory of the bounds."""
        return 0 if self._bounds is None else self._bounds.nbytes

    def extend(self, keys: Tensor) -> None:
        """Adds the pages that are full by now."""
        size = self._quest.page
        new = keys.shape[1] // size
        if new == 0:
            return
        pages = keys[:, : new * size].unflatten(1, (new, size))
        bounds = torch.cat((pages.amax(2), pages.amin(2)), -1)
        if self._bounds is None:
            self._bounds = bounds
        else:
            if self._count + new > self._bounds.shape[1]:
                grown = bounds.new_empty(
                    len(bounds), max(self._count + new, 2 * self._count), bounds.shape[-1]
                )
                grown[:, : self._count] = self._bounds[:, : self._count]
                self._bounds = grown
            self._bounds[:, self._count : self._count + new] = bounds
        self._count += new
        self.covered = self._count * size

    def select(self, query: Tensor, entries: int) -> Tensor | None:
        """The best pages of each query head, and whatever follows the last full page."""
        size = self._quest.page
        full = self._count if entries > self.covered else self._count - 1
        wanted = self._quest.pages - 1
        if self._bounds is None or full <= wanted:
            return None
        rows = len(self._bounds)
        signed = torch.cat((query.clamp(min=0), query.clamp(max=0)), -1).unflatten(0, (rows, -1))
        bound = torch.bmm(self._bounds[:, :full], signed.transpose(1, 2))
        best = bound.topk(wanted, dim=1).indices.transpose(1, 2)
        pages = best.flatten(0, 1).sort(-1).values
        inside = torch.arange(size, device=query.device)
        chosen = (pages[..., None] * size + inside).flatten(1)
        tail = torch.arange(full * size, entries, device=query.device).expand(len(chosen), -1)
        return torch.cat((chosen, tail), 1)
