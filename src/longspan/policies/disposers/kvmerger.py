"""KVMerger: neighbours with similar keys form sets, and each set is merged into its pivot."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from longspan.parameters import check_range
from longspan.policies.disposers.merger import Merger, Row
from longspan.policies.disposers.nearest import combined, shares
from longspan.policies.view import View
from longspan.registry import Card

CARD = Card(
    name="kvmerger",
    target="longspan.policies.disposers.kvmerger:KVMerger",
    paper="Model Tells You Where to Merge: Adaptive KV Cache Merging for LLMs on Long-Context Tasks",
    link="https://arxiv.org/abs/2407.08454",
    year=2024,
    training=False,
    changes="Merges neighbours with similar keys into the one that matters most, with Gaussian weights.",
    field=(212,),
    missing="A policy says how many entries stay, where the paper's sets alone do, and sigma is one for all sets.",
)


@dataclass(frozen=True, kw_only=True)
class KVMerger(Merger):
    """Gaussian-weighted merging of similar neighbours. https://arxiv.org/abs/2407.08454

    Consecutive entries of a row whose keys have a cosine above `threshold` form a set. Its pivot is the kept entry
    with the highest score; the set's dropped entries are merged into it, keys and values alike, each with weight
    exp(−‖k_pivot − k‖² / (2 sigma²)) beside the pivot's 1, weights summing to 1. Entries that must stay, such as a
    recent window, are in no set, as in the paper.
    Deviations: in the paper the sets alone decide how many entries remain, and recent and much attended ones are set
    aside; here the policy says what stays, so that the budget is met: dropped entries of a set that keeps nothing are
    gone, and further kept entries of a set stay as they are. The paper also describes a sigma taken from each set;
    here it is one number.
    """

    threshold: float = 0.75
    """Cosine of consecutive keys above which they form a set."""
    sigma: float = 5.0
    """Width of the Gaussian by which merged entries are weighted; the paper also takes one from each set."""

    def __post_init__(self) -> None:
        check_range("threshold", self.threshold, -1.0, 1.0)
        check_range("sigma", self.sigma, 0.0)
        if self.sigma == 0:
            raise ValueError("sigma=0 is outside 0 < sigma < ∞")

    def merged(self, row: Row, view: View) -> tuple[Tensor, Tensor]:
        """Pivots as weighted means of their sets."""
        sets = merging_sets(row.keys, row.scores == torch.inf, self.threshold)
        target = _pivots(sets[row.kept], row.scores[row.kept], len(row.keys))[sets[row.dropped]]
        found = target >= 0
        target, dropped = target[found], row.dropped[found]
        keys = row.keys[row.kept]
        distance = (keys[target] - row.keys[dropped]).square().sum(-1)
        own, share = shares(
            target, torch.ones(len(keys), device=keys.device), (-distance / (2 * self.sigma**2)).exp()
        )
        return (
            combined(keys, row.keys[dropped], target, own, share),
            combined(row.values[row.kept], row.values[dropped], target, own, share),
        )


def merging_sets(keys: Tensor, alone: Tensor, threshold: float) -> Tensor:
    """The number of each entry's set, int64 `[n]`, ascending; bool `[n]` alone: those that share theirs with none."""
    joined = cosine_similarity(keys[1:], keys[:-1], dim=-1) > threshold
    joined &= ~(alone[1:] | alone[:-1])
    return torch.cat((joined.new_zeros(1, dtype=torch.long), (~joined).cumsum(0)))


def _pivots(sets: Tensor, scores: Tensor, count: int) -> Tensor:
    """The place of the best kept entry of each of `count` sets, −1 for none; sets and scores `[m]` of kept ones."""
    order = scores.argsort(descending=True, stable=True)
    order = order[sets[order].argsort(stable=True)]
    ranked = sets[order]
    first = torch.ones_like(ranked, dtype=torch.bool)
    first[1:] = ranked[1:] != ranked[:-1]
    pivots = sets.new_full((count,), -1)
    pivots[ranked[first]] = order[first]
    return pivots
