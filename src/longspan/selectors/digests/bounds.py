"""Bounds: the largest and the smallest value of each key channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from longspan.kernels.choosing import products
from longspan.registry import Card
from longspan.selectors.base import Visit
from longspan.selectors.column import Column
from longspan.selectors.digests.base import Digest, Digests
from longspan.selectors.groupings.base import Formed
from longspan.store.state import State

CARD = Card(
    name="bounds",
    target="longspan.selectors.digests.bounds:Bounds",
    paper="Quest: Query-Aware Sparsity for Efficient Long-Context LLM Inference",
    link="https://arxiv.org/abs/2406.10774",
    year=2024,
    training=False,
    changes="A group is known by the largest and smallest value of each key channel.",
)


@dataclass(frozen=True, kw_only=True)
class Bounds(Digest):
    """The box around the keys of a group, as in Quest, https://arxiv.org/abs/2406.10774.

    No key of the group scores higher than Σ max(q·min, q·max) over channels.
    """

    linear: ClassVar[bool] = True

    def digests(self) -> Digests:
        """No boxes yet."""
        return BoundKeys()


class BoundKeys(Digests):
    """Per group its largest values, and behind them its smallest."""

    bounded: ClassVar[bool] = True

    def __init__(self) -> None:
        self._bounds = Column()

    def add(self, formed: Formed, visit: Visit) -> None:
        """The boxes of further groups."""
        keys = formed.keys
        self._bounds.append(torch.cat((formed.reduce(keys, "amax"), formed.reduce(keys, "amin")), -1))

    def match(self, query: Tensor, visit: Visit) -> Tensor:
        """The bound: positive channels meet the largest values, negative ones the smallest."""
        signed = torch.cat((query.clamp(min=0), query.clamp(max=0)), -1)
        return products(signed, self.table())

    def table(self) -> Tensor:
        """The bounds."""
        return self._bounds.value

    @property
    def parts(self) -> dict[str, State]:
        """The bounds."""
        return {"bounds": self._bounds}
