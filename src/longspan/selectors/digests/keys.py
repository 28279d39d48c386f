"""The keys themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from longspan.kernels.choosing import products
from longspan.parameters import check_choice
from longspan.registry import Card
from longspan.selectors.base import Visit
from longspan.selectors.column import Column
from longspan.selectors.digests.base import Digest, Digests
from longspan.selectors.groupings.base import Formed
from longspan.store.state import State

CARD = Card(
    name="keys",
    target="longspan.selectors.digests.keys:Keys",
    paper="TokenSelect: Efficient Long-Context Inference and Length Extrapolation for LLMs via Dynamic "
    "Token-Level KV Cache Selection",
    link="https://arxiv.org/abs/2411.02886",
    year=2024,
    training=False,
    changes="Nothing is summarized: a query that chooses reads all keys.",
)


@dataclass(frozen=True, kw_only=True)
class Keys(Digest):
    """Nothing but the stored keys, all of which are read to choose, as in TokenSelect, https://arxiv.org/abs/2411.02886."""

    ordered: ClassVar[bool] = True

    pool: Literal["max", "mass"] = "max"
    """What stands for a group of several keys: "max", the best match, or "mass", log Σ exp of the matches, so that
    the softmax of the groups is the attention weight that each holds.
    """

    def __post_init__(self) -> None:
        check_choice("pool", self.pool, ("max", "mass"))

    def digests(self) -> Digests:
        """Nothing but where groups end."""
        return KeysRead(self.pool)


class KeysRead(Digests):
    """The group of each entry, unless each entry is one."""

    def __init__(self, pool: str) -> None:
        self.weighs = pool == "mass"
        self._labels = Column()
        self._first = self._stop = self._count = 0

    def add(self, formed: Formed, visit: Visit) -> None:
        """Notes which entries are grouped."""
        if self._count == 0:
            self._first = formed.start
        self._stop = formed.stop
        if not isinstance(formed.sizes, int) or formed.sizes > 1:
            numbers = torch.arange(self._count, self._count + formed.count, device=visit.query.device)
            self._labels.append(torch.stack([numbers.repeat_interleave(row) for row in formed.lengths]))
        self._count += formed.count

    def match(self, query: Tensor, visit: Visit) -> Tensor:
        """query · key, pooled over groups; −∞ for an empty group."""
        keys = visit.keys(self._first, self._stop)
        match = rounded(query, keys) if keys.dtype is torch.bfloat16 else products(query, keys)
        match = visit.scene.softmax.logits(match) if self.weighs else match
        if len(self._labels) == 0:
            return match / visit.scene.softmax.scale if self.weighs else match
        index = self._labels.value[:, None].expand(match.shape)
        match = match.float()
        into: Tensor = match.new_full((*match.shape[:2], self._count), -torch.inf)
        largest: Tensor = into.scatter_reduce(2, index, match, "amax")
        if not self.weighs:
            return largest
        weights = (match - largest.gather(2, index)).exp()
        held: Tensor = torch.zeros_like(into).scatter_add_(2, index, weights)
        return (largest + held.log()) / visit.scene.softmax.scale

    @property
    def parts(self) -> dict[str, State]:
        """The groups of entries."""
        return {"labels": self._labels}

    def tensors(self) -> dict[str, Tensor]:
        """With how far they go."""
        extent = {"first": self._first, "stop": self._stop, "count": self._count} if self._count else {}
        return super().tensors() | {name: torch.tensor(number) for name, number in extent.items()}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Takes it back."""
        super().load(tensors)
        self._first, self._stop, self._count = (
            int(tensors.get(name, 0)) for name in ("first", "stop", "count")
        )


def rounded(query: Tensor, keys: Tensor) -> Tensor:
    """`products` in bf16, since all keys of a text are read: `[rows, group, n]`; fp16 would leave its range.

    For rows with room between them, bmm is many times slower than one product a row.
    """
    found = query.new_empty(*query.shape[:2], keys.shape[1])
    for row, into in enumerate(found):
        torch.mm(query[row], keys[row].T, out=into)
    return found
