"""Every dropped entry goes into the kept one whose key is most like its own."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from longspan.parameters import check_range
from longspan.policies.disposers.merger import Merger, Row
from longspan.policies.disposers.nearest import combined, nearest, shares, weights
from longspan.policies.view import View
from longspan.registry import Card

CARD = Card(
    name="merge",
    target="longspan.policies.disposers.merge:Merge",
    paper="D2O: Dynamic Discriminative Operations for Efficient Long-Context Inference of Large Language Models",
    link="https://arxiv.org/abs/2406.13035",
    year=2024,
    training=False,
    changes="Merges each entry that does not stay into the kept one with the most similar key, weighted by score.",
    missing="Of D2O, neither the weights by the exponential of similarity nor the moving threshold nor the "
    "budgets of layers are here; only the idea of merging into the nearest is.",
)


@dataclass(frozen=True, kw_only=True)
class Merge(Merger):
    """Nearest-key merging, as in D2O, https://arxiv.org/abs/2406.13035, weighted by the policy's scores.

    A kept entry becomes the mean, weighted by score, of itself and of the dropped entries to whose keys its own is the
    most similar; values are merged as keys are.
    D2O itself weighs by e^similarity and moves its threshold with the mean similarity of what it drops.
    """

    threshold: float = 0.0
    """The cosine from which on an entry is merged; those below are dropped."""

    def __post_init__(self) -> None:
        check_range("threshold", self.threshold, -1.0, 1.0)

    def merged(self, row: Row, view: View) -> tuple[Tensor, Tensor]:
        """Means weighted by score."""
        target, cosine = nearest(row.keys, row.kept, row.dropped)
        alike = cosine >= self.threshold
        target, dropped, weight = target[alike], row.dropped[alike], weights(row.scores)
        own, share = shares(target, weight[row.kept], weight[dropped])
        return (
            combined(row.keys[row.kept], row.keys[dropped], target, own, share),
            combined(row.values[row.kept], row.values[dropped], target, own, share),
        )
