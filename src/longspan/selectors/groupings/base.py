"""The contract of a grouping: which stored entries a query visits or leaves out together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal, NamedTuple

import torch
from torch import Tensor

from longspan.selectors.base import Chosen, Visit
from longspan.selectors.column import Compound


class Picked(NamedTuple):
    """Groups that were chosen: ascending int64 `[rows or 1, choosers, k]`, of each chooser the first `counts`.

    choosers: the query heads that share a KV head, or 1 where they choose together; rows = 1 where all rows do.
    counts `[rows or 1, choosers]`, None for all k. stop: entries from here on were no candidates and are visited
    besides; None for those that are in no group.
    """

    groups: Tensor
    counts: Tensor | None = None
    stop: int | None = None

    def tensors(self) -> dict[str, Tensor]:
        """To be saved."""
        held = {"groups": self.groups}
        if self.counts is not None:
            held["counts"] = self.counts
        if self.stop is not None:
            held["stop"] = torch.tensor(self.stop)
        return held

    @classmethod
    def of(cls, tensors: dict[str, Tensor]) -> Picked | None:
        """What `tensors` gave, None if there is nothing."""
        if "groups" not in tensors:
            return None
        stop = int(tensors["stop"]) if "stop" in tensors else None
        return cls(tensors["groups"], tensors.get("counts"), stop)


@dataclass(frozen=True, kw_only=True, eq=False)
class Formed:
    """Groups that have just been formed.

    start, stop: the entries that they are of. read: the keys `[rows, n, dim]`, group after group. count: how many
    groups there are in each row. sizes `[rows, count]`: entries of each, an int where all are equal; a group may be
    empty.
    """

    start: int
    stop: int
    read: Callable[[], Tensor]
    count: int
    sizes: int | Tensor

    @cached_property
    def keys(self) -> Tensor:
        """The keys, read once."""
        return self.read()

    @cached_property
    def labels(self) -> Tensor:
        """The group of each key, from 0: int64 `[rows, n]`."""
        numbers = torch.arange(self.count, device=self.keys.device)
        if isinstance(self.sizes, int):
            return numbers.repeat_interleave(self.sizes).expand(len(self.keys), -1)
        return torch.stack([numbers.repeat_interleave(row) for row in self.sizes])

    @cached_property
    def lengths(self) -> Tensor:
        """Entries of each group: int64 `[rows, count]`."""
        if isinstance(self.sizes, int):
            return torch.full((1, self.count), self.sizes, device=self.keys.device).expand(len(self.keys), -1)
        return self.sizes

    def reduce(self, values: Tensor, how: Literal["amax", "amin", "mean", "sum"]) -> Tensor:
        """`[rows, n, w]` → `[rows, count, w]`, over the entries of each group; 0 for an empty group."""
        if isinstance(self.sizes, int):
            blocks: Tensor = getattr(values.unflatten(1, (self.count, self.sizes)), how)(2)
            return blocks
        index = self.labels[..., None].expand(values.shape)
        into = torch.zeros(len(values), self.count, values.shape[-1], device=values.device)
        return into.scatter_reduce_(1, index, values.float(), how, include_self=False).to(values.dtype)

    def softmax(self, scores: Tensor) -> Tensor:
        """`[rows, n]` → weights `[rows, n]` that sum to 1 in each group, fp32."""
        scores = scores.float()
        largest = self.reduce(scores[..., None], "amax")[..., 0]
        weights = (scores - largest.gather(1, self.labels)).exp()
        return weights / self.reduce(weights[..., None], "sum")[..., 0].gather(1, self.labels)


_EXTENT = ("rows", "count", "covered")


class Groups(Compound, ABC):
    """The groups of some rows that are alike. Entries `sinks` .. `covered` are in groups, all later ones in none.

    rows, count: how many rows there are, and groups in each; 0 before the first group. sinks: first entries, which are
    in no group because every query visits them.
    """

    def __init__(self, sinks: int) -> None:
        self.sinks = sinks
        self.rows = self.count = self.covered = 0

    @property
    @abstractmethod
    def sizes(self) -> int | Tensor:
        """Entries of each group `[rows, count]`, an int where all groups are equal."""

    @abstractmethod
    def form(self, visit: Visit, start: int, stop: int) -> Formed | None:
        """Forms groups of the entries from `start` on, as far as they are complete before `stop`; None for none."""

    @abstractmethod
    def spread(self, picked: Picked, visit: Visit) -> Chosen:
        """The entries of the picked groups, with the sinks before them and all from `after(picked)` on behind them."""

    def after(self, picked: Picked) -> int:
        """The first of the last entries, all of which are visited."""
        return self.covered if picked.stop is None else picked.stop

    def extend(self, visit: Visit, stop: int) -> Formed | None:
        """Forms groups of entries that are in none yet."""
        start = max(self.covered, self.sinks)
        formed = self.form(visit, start, stop) if start < stop else None
        if formed is not None:
            self.rows = self.rows or len(visit.keys(0, 1))
            self.count += formed.count
            self.covered = formed.stop
        return formed

    @property
    def grouped(self) -> int:
        """Entries that are in groups."""
        return max(0, self.covered - self.sinks)

    def tensors(self) -> dict[str, Tensor]:
        """With how far the groups go."""
        extent = {name: torch.tensor(getattr(self, name)) for name in _EXTENT} if self.count else {}
        return super().tensors() | extent

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Takes it back."""
        super().load(tensors)
        self.rows, self.count, self.covered = (int(tensors.get(name, 0)) for name in _EXTENT)


@dataclass(frozen=True, kw_only=True)
class Grouping(ABC):
    """Base of all groupings.

    surprised: whether it needs the surprise of tokens. contiguous: whether groups are runs of entries, so that one
    number means much the same in all rows and layers. paged: whether these runs are of one size, each right behind the
    one before.
    """

    surprised: ClassVar[bool] = False
    contiguous: ClassVar[bool] = True
    paged: ClassVar[bool] = False

    @abstractmethod
    def groups(self, sinks: int) -> Groups:
        """No groups yet; the first `sinks` entries will be in none."""


def per_head(chosen: Tensor, rows: int, heads: int) -> Tensor:
    """`[rows or 1, choosers, m]` → `[heads, m]`."""
    shared = heads // rows // chosen.shape[1]
    return chosen.expand(rows, -1, -1)[:, :, None].expand(-1, -1, shared, -1).reshape(heads, -1)


def around(starts: Tensor, sizes: Tensor, sinks: int, after: int, entries: int) -> Chosen:
    """The entries of ascending runs `[heads, k]`, the sinks before them and all from `after` on behind them."""
    first, last = starts.new_zeros(len(starts), 1), starts.new_full((len(starts), 1), after)
    index, counts = runs(
        torch.cat((first, starts, last), 1),
        torch.cat((first + sinks, sizes, entries - last), 1),
    )
    return Chosen(index.clamp_(max=entries - 1), counts)


def runs(starts: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
    """Numbers of runs that follow each other: starts and sizes `[h, k]` → int64 `[h, m]`, and how many are meant `[h]`.

    A run of size 0 may stand anywhere. What comes after the meant numbers continues the last run.
    """
    ends = sizes.cumsum(1)
    total = ends[:, -1]
    place = torch.arange(int(total.max()), device=starts.device).expand(len(starts), -1)
    run = torch.searchsorted(ends, place.contiguous(), right=True).clamp_(max=starts.shape[1] - 1)
    return (starts - ends + sizes).gather(1, run) + place, total
