"""Neighbouring tokens that stay or go together."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.policies.units.base import Unit
from longspan.policies.view import View


@dataclass(frozen=True, kw_only=True)
class Stretch(Unit):
    """Base of units that are stretches of the text; all heads rate a stretch alike."""

    @abstractmethod
    def number(self, positions: Tensor, view: View) -> Tensor:
        """Which stretch each position lies in, int64 of the same shape, counted from 0."""

    def pool(self, scores: Tensor, view: View) -> Tensor:
        """The mean over a stretch and all heads, of the entries that need not stay anyway."""
        numbers = self.number(view.positions, view)
        free = scores.isfinite()
        count = int(numbers.max()) + 1
        totals = scores.new_zeros(count).index_add_(0, numbers[free], scores[free])
        return scores.where(~free, (totals / numbers[free].bincount(minlength=count))[numbers])

    def choose(self, scores: Tensor, count: int, view: View, row: int) -> Tensor:
        """Entries that must stay; then the rest of their stretches; then the best stretches that still fit.

        Where not one stretch fits, the last entries of the best one fill what room there is.
        """
        must = scores.isposinf()
        room = count - int(must.sum())
        if room <= 0:
            return scores.topk(count).indices.sort().values
        numbers = self.number(view.positions[row, : len(scores)], view)
        names, member = numbers.unique(return_inverse=True)
        best = scores.new_full((len(names),), -torch.inf).scatter_reduce_(0, member, scores, "amax")
        missing = member[~must].bincount(minlength=len(names))
        order = best.masked_fill(missing == 0, -torch.inf).argsort(descending=True, stable=True)
        taken = torch.zeros_like(names, dtype=torch.bool)
        for stretch, size in zip(order.tolist(), missing[order].tolist(), strict=True):
            if 0 < size <= room:
                taken[stretch] = True
                room -= size
        if taken.any():
            return (must | taken[member]).nonzero().flatten()
        last = ((member == order[0]) & ~must).nonzero().flatten()[-room:]
        return torch.cat((must.nonzero().flatten(), last)).sort().values
