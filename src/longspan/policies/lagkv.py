"""LagKV: entries that vary most when measured by the partition after them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from longspan.parameters import check_range
from longspan.policies.base import Policy
from longspan.policies.view import View
from longspan.registry import Card

SMALLEST_RANGE = 1e-6
"""A channel that is constant over a partition counts as this wide, since nothing can be divided by zero."""


CARD = Card(
    name="lagkv",
    target="longspan.policies.lagkv:LagKV",
    paper="LagKV: Lag-Relative Information of the KV Cache Tells Which Tokens Are Important",
    link="https://arxiv.org/abs/2504.04704",
    year=2025,
    training=False,
    changes="Keeps the entries that vary most over their channels, scaled by the partition after theirs.",
)


@dataclass(frozen=True, kw_only=True)
class LagKV(Policy):
    """Lag-relative information of keys and values, without queries. https://arxiv.org/abs/2504.04704

    The defaults are those of kvpress; the authors' class has 16 sinks and partitions of 1024. In kvpress, entries of
    equal rank tie, and so do all of the last, still unscored partitions; here the later one wins in both cases. With
    when="chunk", partitions are of the entries that are still there; the paper scores each entry once, when its
    partition is complete.
    """

    n_sink: int = 4
    """First entries that always stay."""
    lag_size: int = 128
    """Entries in a partition; each partition is scaled by the range that every channel has in the next one, and its
    entries compete by rank.
    """

    def __post_init__(self) -> None:
        check_range("n_sink", self.n_sink, 0)
        check_range("lag_size", self.lag_size, 2)
        super().__post_init__()

    @property
    def min_entries(self) -> int:
        """The sinks and one more."""
        return self.n_sink + 1

    def scores(self, view: View) -> Tensor:
        """Below 1 by rank within a partition; from 1 on, the later the higher, where no partition follows."""
        places = torch.arange(view.keys.shape[1], device=view.keys.device)
        lengths = torch.tensor(view.lengths, device=view.keys.device)[:, None]
        scores = torch.where(places < self._scored(lengths), self._ranks(view), 1.0 + places)
        return scores.masked_fill(places < self.n_sink, torch.inf)

    def _scored(self, entries: Tensor) -> Tensor:
        """How many of so many entries lie before the last complete partition."""
        return self.n_sink + ((entries - self.n_sink) // self.lag_size - 1) * self.lag_size

    def _ranks(self, view: View) -> Tensor:
        """fp32 `[kv_heads, n]` in 0 .. 1, for the entries of the longest row that can be scored; 0 for others."""
        entries = view.keys.shape[1]
        parts = (entries - self.n_sink) // self.lag_size
        if parts < 2:
            return view.keys.new_zeros(view.keys.shape[:2], dtype=torch.float32)
        end = self.n_sink + parts * self.lag_size
        information = self._information(view.keys[:, self.n_sink : end]) + self._information(
            view.values[:, self.n_sink : end]
        )
        ranks = information.argsort(-1).argsort(-1)
        later = torch.arange(1, parts, device=ranks.device)[:, None] / parts
        scores = (ranks + later) / self.lag_size
        return pad(scores.flatten(1), (self.n_sink, entries - end + self.lag_size))

    def _information(self, states: Tensor) -> Tensor:
        """`[kv_heads, partitions − 1, lag_size]` of keys or values `[kv_heads, partitions · lag_size, dim]`."""
        partitions = states.float().unflatten(1, (-1, self.lag_size))
        own, following = partitions[:, :-1], partitions[:, 1:]
        low, high = following.amin(2, keepdim=True), following.amax(2, keepdim=True)
        spread: Tensor = ((own - low) / (high - low).clamp(min=SMALLEST_RANGE)).std(-1)
        return spread.softmax(-1)
