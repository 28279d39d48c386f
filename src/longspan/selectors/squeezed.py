"""Squeezed Attention: clusters of similar keys."""

from __future__ import annotations

from dataclasses import dataclass

from longspan.kernels.clusters import Beginning
from longspan.parameters import Budget, check_budget, check_range
from longspan.registry import Card
from longspan.selectors.digests.mean import Mean
from longspan.selectors.digests.tree import Tree
from longspan.selectors.groupings.clusters import Clusters
from longspan.selectors.retrieve import Recipe, Retrieve
from longspan.selectors.reuses.never import Never
from longspan.selectors.scorings.threshold import Threshold

CARD = Card(
    name="squeezed",
    target="longspan.selectors.squeezed:Squeezed",
    paper="Squeezed Attention: Accelerating Long Context Length LLM Inference",
    link="https://arxiv.org/abs/2411.09688",
    year=2024,
    training=False,
    changes="Queries visit the clusters of keys whose centroids match, as many as pass a threshold.",
    field=(261,),
    missing="A budget stands for the threshold that the authors calibrate, and k-means begins with random "
    "vectors and ends after a few rounds, since k-means++ with 300 would make reading slow.",
)


@dataclass(frozen=True, kw_only=True)
class Squeezed(Recipe):
    """Visits the keys in clusters whose centroid matches the query. https://arxiv.org/abs/2411.09688

    Clusters are made when the first token is generated, not ahead of time, so that text is read with everything
    visited; later entries are clustered as they gather. Without `threshold` the heads of a layer visit `budget`
    entries on average at every step, where the paper calibrates one threshold for the model beforehand. With two
    levels, the better half of coarse clusters is looked into, for the same reason.
    """

    clusters: float = 0.05
    """Clusters per entry."""
    budget: Budget = 0.1
    """Share of entries, or entries, visited by a head on average; the paper's sparsity is 1 − budget."""
    threshold: float | None = None
    """The weight above which a cluster is visited, the paper's T, in place of the budget."""
    levels: int = 1
    """Levels of the lookup, 1 or 2."""
    local: int = 100
    """Last entries visited in any case, the paper's observation window."""
    iterations: int = 10
    """Rounds of k-means at most."""
    begin: Beginning = "random"
    """The vectors that it begins with, "random" ones or those of "k-means++"; the authors take k-means++ and 300
    rounds.
    """
    segment: int = 8192
    """Entries that are clustered together at most."""

    def __post_init__(self) -> None:
        check_range("clusters", self.clusters, 0.0, 1.0)
        check_budget("budget", self.budget)
        check_range("levels", self.levels, 1, 2)
        check_range("segment", self.segment, 1)
        super().__post_init__()

    def combination(self) -> Retrieve:
        """Clusters, centroids, and a threshold."""
        return Retrieve(
            grouping=Clusters(
                share=self.clusters,
                iterations=self.iterations,
                begin=self.begin,
                segment=self.segment,
                growth=min(512, self.segment),
            ),
            digest=Mean() if self.levels == 1 else Tree(iterations=self.iterations),
            scoring=Threshold(level=self.threshold),
            reuse=Never(),
            budget=self.budget if self.threshold is None else None,
            local=self.local,
            dense=0,
        )
