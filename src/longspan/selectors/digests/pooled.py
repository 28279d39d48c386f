"""Keys pooled by attention among themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from longspan.registry import Card
from longspan.selectors.base import Visit
from longspan.selectors.digests.base import Digest, Digests
from longspan.selectors.digests.mean import Means
from longspan.selectors.groupings.base import Formed

CARD = Card(
    name="pooled",
    target="longspan.selectors.digests.pooled:Pooled",
    paper="LongHeads: Multi-Head Attention is Secretly a Long Context Processor",
    link="https://arxiv.org/abs/2402.10685",
    year=2024,
    training=False,
    changes="A group is known by its keys as attention among them weighs them.",
)


@dataclass(frozen=True, kw_only=True)
class Pooled(Digest):
    """The chunk key of LongHeads, https://arxiv.org/abs/2402.10685: Σ softmax(q·K/√d)·K over the keys K of a group.

    In the paper q is the mean output of attention within the group; here it is the mean key, because neither queries
    nor values of earlier text are at hand when groups are formed.
    """

    linear: ClassVar[bool] = True

    def digests(self) -> Digests:
        """No chunk keys yet."""
        return PooledKeys()


class PooledKeys(Means):
    """Per group its chunk key."""

    def add(self, formed: Formed, visit: Visit) -> None:
        """The chunk keys of further groups."""
        keys = formed.keys.float()
        mean = formed.reduce(keys, "mean")
        near = mean.gather(1, formed.labels[..., None].expand(keys.shape))
        weights = formed.softmax(visit.scene.softmax.logits((near * keys).sum(-1)))
        self.means.append(formed.reduce(weights[..., None] * keys, "sum").to(formed.keys.dtype))
