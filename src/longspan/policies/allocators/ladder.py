"""Which tokens a layer keeps shifts with the layer."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.parameters import check_range
from longspan.policies.allocators.uniform import Uniform
from longspan.policies.view import View


@dataclass(frozen=True, kw_only=True)
class Ladder(Uniform):
    """A ladder over the text, a rung of a few tokens for each layer. https://arxiv.org/abs/2507.14204

    span: layers that keep a token. overlap: layers that a token shares with the next one. A ladder is as many tokens
    as it takes to cover all layers, 1 + ⌈(layers − span) / (span − overlap)⌉; of each a layer keeps
    ⌈span / (span − overlap)⌉, from a place on that shifts with the layer. With span ≥ layers, every layer keeps
    every token, and scores alone decide.
    What is off the rungs goes first, by score (with LaCache's recency, the oldest). Where that is not enough, what
    is left is laid on ladders again, and so on; the authors' code widens the ladder instead. As there, ladders leave
    out as many last entries as there are layers, and entries that must stay. Where ladders begin follows from the
    entries alone: the authors remember how far a round of compaction has come, here each begins with the oldest.
    """

    span: int = 16
    overlap: int = 0

    def __post_init__(self) -> None:
        check_range("span", self.span, 1)
        check_range("overlap", self.overlap, 0, self.span - 1)

    def reshape(self, scores: Tensor, view: View) -> Tensor:
        """Ranks: an entry that stays on the rungs for longer comes before all that do not, then scores decide."""
        rounds = torch.stack([self._rounds(row.isfinite(), view) for row in scores])
        order = scores.argsort(dim=1, stable=True)
        order = order.gather(1, rounds.gather(1, order).argsort(dim=1, stable=True))
        ranks = torch.arange(scores.shape[1], dtype=scores.dtype, device=scores.device).expand_as(scores)
        return scores.where(scores.isinf(), torch.empty_like(scores).scatter_(1, order, ranks))

    def _rounds(self, free: Tensor, view: View) -> Tensor:
        """How many rounds of compaction each entry survives, int64 `[n]`; free bool `[n]`: those it may strike."""
        step = self.span - self.overlap
        ladder = 1 + max(0, math.ceil((view.places - self.span) / step))
        rung = min(math.ceil(self.span / step), ladder)
        first = view.place % (ladder - rung + 1)
        survived = torch.zeros_like(free, dtype=torch.long)
        left = free.nonzero().flatten()
        while rung < ladder and (ladders := max(0, len(left) - view.places) // ladder):
            places = torch.arange(len(left), device=left.device)
            on_rung = (places % ladder >= first) & (places % ladder < first + rung)
            left = left[on_rung | (places >= ladders * ladder)]
            survived[left] += 1
        return survived
