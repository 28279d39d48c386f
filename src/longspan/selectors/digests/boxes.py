"""Boxes of two sizes, compared roughly first."""

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

CARD = Card(
    name="boxes",
    target="longspan.selectors.digests.boxes:Boxes",
    paper="MPCache: MPC-Friendly KV Cache Eviction for Efficient Private Large Language Model Inference",
    link="https://arxiv.org/abs/2501.06807",
    year=2025,
    training=False,
    changes="Groups are boxes of keys, compared only where a larger box around them matches.",
)


@dataclass(frozen=True, kw_only=True)
class Boxes(Digest):
    """The hierarchical clusters of MPCache, https://arxiv.org/abs/2501.06807.

    A group and its box [min, max] match as α q·max + (1 − α) q·min, linear in the query. `merge` neighbouring groups
    make a coarse one; only groups in the best share of coarse ones are compared further.

    The last groups, that fill no coarse one yet, are compared in any case.
    """

    alpha: float = 0.6
    """α, the weight of the largest values in the match."""
    merge: int = 2
    """Groups in a coarse group."""
    share: float = 0.5
    """Coarse groups that stay."""

    def __post_init__(self) -> None:
        check_range("alpha", self.alpha, 0.0, 1.0)
        check_range("merge", self.merge, 1)
        check_range("share", self.share, 0.0, 1.0)

    def digests(self) -> Digests:
        """No boxes yet."""
        return BoxTree(self)


class BoxTree(Digests):
    """Per group and per coarse group the largest and the smallest values, side by side."""

    def __init__(self, boxes: Boxes) -> None:
        self._boxes, self._fine, self._coarse = boxes, Column(), Column()

    def add(self, formed: Formed, visit: Visit) -> None:
        """The boxes of further groups, and of the coarse groups that they fill."""
        keys = formed.keys
        self._fine.append(torch.cat((formed.reduce(keys, "amax"), formed.reduce(keys, "amin")), -1))
        merge, done = self._boxes.merge, len(self._coarse)
        whole = len(self._fine) // merge
        if whole > done:
            blocks = self._fine.value[:, done * merge : whole * merge].unflatten(1, (whole - done, merge))
            highest, lowest = blocks.chunk(2, -1)
            self._coarse.append(torch.cat((highest.amax(2), lowest.amin(2)), -1))

    def match(self, query: Tensor, visit: Visit) -> Tensor:
        """The linear match; −∞ for groups of coarse ones that are left out."""
        boxes = self._boxes
        weighted = torch.cat((query * boxes.alpha, query * (1 - boxes.alpha)), -1)
        match = products(weighted, self._fine.value)
        if boxes.merge == 1 or boxes.share == 1.0 or len(self._coarse) == 0:
            return match
        return below_best(match, products(weighted, self._coarse.value), boxes.share, boxes.merge)

    @property
    def parts(self) -> dict[str, State]:
        """Both sizes."""
        return {"fine": self._fine, "coarse": self._coarse}


def below_best(match: Tensor, coarse: Tensor, share: float, merge: int) -> Tensor:
    """Matches `[rows, group, n]`, −∞ where the coarse group of `merge` neighbours is not among the best share."""
    count = coarse.shape[-1]
    best = coarse.topk(max(1, int(count * share)), -1).indices
    out = torch.ones_like(coarse, dtype=torch.bool).scatter_(-1, best, False).repeat_interleave(merge, -1)
    rest = out.new_zeros(*out.shape[:-1], match.shape[-1] - out.shape[-1])
    return match.masked_fill(torch.cat((out, rest), -1), -torch.inf)
