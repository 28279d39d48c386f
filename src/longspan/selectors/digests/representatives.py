"""The keys of a group that later queries liked best."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.kernels.choosing import products
from longspan.parameters import check_range
from longspan.registry import Card
from longspan.selectors.base import Visit
from longspan.selectors.column import Column
from longspan.selectors.digests.base import Digest, Digests
from longspan.selectors.groupings.base import Formed
from longspan.store.state import State

STRETCH = 64
"""Queries are summed over stretches of so many tokens; an entry counts those after its own stretch."""


CARD = Card(
    name="representatives",
    target="longspan.selectors.digests.representatives:Representatives",
    paper="InfLLM: Unveiling the Intrinsic Capacity of LLMs for Understanding Extremely Long Sequences with "
    "Training-Free Memory",
    link="https://arxiv.org/abs/2402.04617",
    year=2024,
    training=False,
    changes="A group is known by the few keys that the queries after it liked best.",
)


@dataclass(frozen=True, kw_only=True)
class Representatives(Digest):
    """The representative tokens of InfLLM, https://arxiv.org/abs/2402.04617.

    An entry's score for a query head is the sum of key · query over the queries that came while it was among the
    recent entries (the paper's mean, up to a factor; the authors' code adds up attention weights instead). The keys
    of the `count` best entries stand for the group, and a query meets their mean, which is as good as their sum.
    Queries within 64 tokens of an entry do not count, nor those that read the text of a selector that does not
    select while reading.
    """

    count: int = 4
    """Entries that stand for a group."""

    def __post_init__(self) -> None:
        check_range("count", self.count, 1)

    def digests(self) -> Digests:
        """No representatives yet."""
        return RepresentativeKeys(self.count)


class RepresentativeKeys(Digests):
    """Per query head and group the mean of the representatives, and sums of recent queries."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._means = Column()
        self._sums: Tensor | None = None  # fp32 [stretches, heads, dim], the first is stretch `first`
        self._first = 0

    def watch(self, visit: Visit) -> None:
        """Adds the queries to the stretch in which they come."""
        stretch = visit.entries // STRETCH
        total = visit.query.sum(1, dtype=torch.float32)
        if self._sums is None:
            self._sums, self._first = total[None].clone(), stretch
            return
        missing = stretch - self._first - len(self._sums) + 1
        if missing > 0:
            self._sums = torch.cat((self._sums, self._sums.new_zeros(missing, *total.shape)))
        self._sums[stretch - self._first] += total

    def add(self, formed: Formed, visit: Visit) -> None:
        """Elects the representatives of further groups."""
        scores = self._scores(formed)
        heads, rows = len(scores), len(formed.keys)
        labels = formed.labels.repeat_interleave(heads // rows, 0)
        # Entries of a group side by side, the best first.
        order = scores.argsort(1, descending=True)
        order = order.gather(1, labels.gather(1, order).argsort(dim=1, stable=True))
        labels = labels.gather(1, order)
        lengths = formed.lengths.repeat_interleave(heads // rows, 0)
        rank = torch.arange(order.shape[1], device=order.device) - (lengths.cumsum(1) - lengths).gather(
            1, labels
        )
        weights = (rank < self._count) / lengths.clamp(max=self._count).gather(1, labels)
        width = formed.keys.shape[-1]
        keys = formed.keys.repeat_interleave(heads // rows, 0).gather(
            1, order[..., None].expand(-1, -1, width)
        )
        sums = keys.new_zeros(heads, formed.count, width, dtype=torch.float32)
        sums.scatter_add_(1, labels[..., None].expand(keys.shape), weights[..., None] * keys.float())
        self._means.append(sums.to(keys.dtype))

    def _scores(self, formed: Formed) -> Tensor:
        """Σ key · query over the queries of later stretches: fp32 `[heads, n]`."""
        if self._sums is None:
            raise RuntimeError("groups were formed before any query was seen")
        start, stop = formed.start, formed.stop
        later = self._sums.flip(0).cumsum(0).flip(0)  # of each stretch and all after it
        first, last = start // STRETCH, (stop - 1) // STRETCH
        parts, begin = [], start
        for stretch in range(first, last + 1):
            end = min(stop, (stretch + 1) * STRETCH)
            place = max(0, stretch + 1 - self._first)
            query = later[place] if place < len(later) else torch.zeros_like(later[0])
            keys = formed.keys[:, begin - start : end - start].float()
            parts.append(products(query.unflatten(0, (len(keys), -1)), keys).flatten(0, 1))
            begin = end
        drop = stop // STRETCH - self._first
        if drop > 0:
            self._sums, self._first = self._sums[drop:].clone(), self._first + drop
        return torch.cat(parts, 1)

    def match(self, query: Tensor, visit: Visit) -> Tensor:
        """query · mean of the representatives of its own head."""
        means = self._means.value
        return products(query.reshape(len(means), -1, means.shape[-1]), means).reshape(*query.shape[:2], -1)

    @property
    def parts(self) -> dict[str, State]:
        """The means."""
        return {"means": self._means}

    def tensors(self) -> dict[str, Tensor]:
        """With the sums."""
        sums = {} if self._sums is None else {"sums": self._sums, "first": torch.tensor(self._first)}
        return super().tensors() | sums

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Takes them back."""
        super().load(tensors)
        self._sums = tensors["sums"].clone() if "sums" in tensors else None
        self._first = int(tensors.get("first", 0))

    @property
    def nbytes(self) -> int:
        """Memory held, filled or not."""
        return super().nbytes + (0 if self._sums is None else self._sums.nbytes)
