"""EMS: the least important entries go, those in between are merged."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from longspan.parameters import check_range
from longspan.policies.disposers.merger import Merger, Row
from longspan.policies.disposers.nearest import combined, nearest, shares, weights
from longspan.policies.view import View
from longspan.registry import Card

CARD = Card(
    name="ems",
    target="longspan.policies.disposers.ems:EvictThenMerge",
    paper=(
        "EMS: Adaptive Evict-then-Merge Strategy for Head-wise KV Cache Compression "
        "Based on Global-Local Importance"
    ),
    link="https://arxiv.org/abs/2412.08521",
    year=2024,
    training=False,
    changes="Evicts the least important entries and merges those in between into the nearest kept ones.",
    field=(68,),
    missing="Its window and weights are our own, since the paper's could not be read and there is no code.",
)


@dataclass(frozen=True, kw_only=True)
class EvictThenMerge(Merger):
    """EMS: evict, then merge. https://arxiv.org/abs/2412.08521

    The kept entries of a row are class centres. Of the rest, the best by score, `middle` times as many as are kept,
    are to be merged, and all below are evicted. Each of them joins the centre whose key is most like its own, or,
    where the cosine is below `threshold`, the zero class, whose members are evicted too; so every head decides
    for itself how much it evicts and how much it merges. A class is the mean of its entries weighted by score; means
    of keys are taken of their directions, and the centre keeps the length of its key.
    Deviations: the defaults of `middle` and `threshold` are ours, and scores are whatever the policy ranks by;
    the policy called ems brings the paper's.
    """

    middle: float = 2.0
    """Entries that are to be merged, as a multiple of those that are kept."""
    threshold: float = 0.6
    """Cosine with the nearest kept key below which an entry is evicted and not merged."""

    def __post_init__(self) -> None:
        check_range("middle", self.middle, 0.0)
        check_range("threshold", self.threshold, 0.0, 1.0)

    def merged(self, row: Row, view: View) -> tuple[Tensor, Tensor]:
        """Class centres."""
        weight, count = weights(row.scores), min(int(self.middle * len(row.kept)), len(row.dropped))
        dropped = row.dropped[row.scores[row.dropped].topk(count).indices]
        target, cosine = nearest(row.keys, row.kept, dropped)
        joined = cosine >= self.threshold
        target, dropped = target[joined], dropped[joined]
        own, share = shares(target, weight[row.kept], weight[dropped])
        keys, directions = row.keys[row.kept], normalize(row.keys, dim=-1)
        mean = combined(directions[row.kept], directions[dropped], target, own, share)
        return (
            torch.where(own[:, None] < 1, normalize(mean, dim=-1) * keys.norm(dim=-1, keepdim=True), keys),
            combined(row.values[row.kept], row.values[dropped], target, own, share),
        )
