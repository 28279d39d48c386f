"""Means of keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from longspan.kernels.choosing import products
from longspan.registry import Card
from longspan.selectors.base import Visit
from longspan.selectors.column import Column
from longspan.selectors.digests.base import Digest, Digests
from longspan.selectors.groupings.base import Formed
from longspan.store.state import State

CARD = Card(
    name="mean",
    target="longspan.selectors.digests.mean:Mean",
    paper="Squeezed Attention: Accelerating Long Context Length LLM Inference",
    link="https://arxiv.org/abs/2411.09688",
    year=2024,
    training=False,
    changes="A group is known by its mean key.",
)


@dataclass(frozen=True, kw_only=True)
class Mean(Digest):
    """The mean key of a group: the centroid in Squeezed Attention, https://arxiv.org/abs/2411.09688."""

    linear: ClassVar[bool] = True

    def digests(self) -> Digests:
        """No means yet."""
        return Means()


class Means(Digests):
    """Per group its mean key."""

    def __init__(self) -> None:
        self.means = Column()

    def add(self, formed: Formed, visit: Visit) -> None:
        """The means of further groups."""
        self.means.append(formed.reduce(formed.keys, "mean"))

    def match(self, query: Tensor, visit: Visit) -> Tensor:
        """query · mean."""
        return products(query, self.table())

    def table(self) -> Tensor:
        """The means."""
        return self.means.value

    @property
    def parts(self) -> dict[str, State]:
        """The means."""
        return {"means": self.means}
