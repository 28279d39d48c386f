"""MPCache: boxes of two sizes, shared by adjacent layers."""

from __future__ import annotations

from dataclasses import dataclass

from longspan.parameters import Budget, check_budget, check_range
from longspan.registry import Card
from longspan.selectors.digests.boxes import Boxes
from longspan.selectors.groupings.pages import Pages
from longspan.selectors.retrieve import Recipe, Retrieve
from longspan.selectors.reuses.layers import Layers
from longspan.selectors.scorings.heads import Heads

CARD = Card(
    name="mpcache",
    target="longspan.selectors.mpcache:MPCache",
    paper="MPCache: MPC-Friendly KV Cache Eviction for Efficient Private Large Language Model Inference",
    link="https://arxiv.org/abs/2501.06807",
    year=2025,
    training=False,
    changes="Queries visit small boxes of keys, found through larger ones, and adjacent layers share the choice.",
    field=(199,),
)


@dataclass(frozen=True, kw_only=True)
class MPCache(Recipe):
    """Visits the boxes of keys that match best, found by way of larger ones. https://arxiv.org/abs/2501.06807

    This is the dynamic selection; the static eviction before it is the policy `look-once`, so the whole is a plan of
    both, called mpcache. Boxes
    begin with the first entry, as in the authors' code.
    Selection is over the groups that leave the sinks, with the last, unfinished group always visited.
    """

    budget: Budget = 0.2
    """Share of the entries, or entries, that a head visits."""
    group: int = 16
    """Entries of a small box."""
    alpha: float = 0.6
    """Weight of the largest values in the match."""
    merge: int = 2
    """Small boxes in a large one."""
    share: float = 0.5
    """Large boxes that are looked into."""
    layers: int = 2
    """Adjacent layers that share a choice."""
    sinks: int = 0
    """First entries, visited in any case."""
    dense: int = 0
    """First layers that visit everything."""

    def __post_init__(self) -> None:
        check_budget("budget", self.budget)
        check_range("group", self.group, 1)
        check_range("layers", self.layers, 1)
        super().__post_init__()

    def combination(self) -> Retrieve:
        """Small groups, boxes, and a choice for some layers."""
        return Retrieve(
            grouping=Pages(size=self.group),
            digest=Boxes(alpha=self.alpha, merge=self.merge, share=self.share),
            scoring=Heads(),
            reuse=Layers(count=self.layers),
            budget=self.budget,
            sinks=self.sinks,
            dense=self.dense,
        )
