"""Mean keys of two levels."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.kernels.choosing import products
from longspan.kernels.clusters import kmeans
from longspan.parameters import check_range
from longspan.registry import Card
from longspan.selectors.base import Visit
from longspan.selectors.column import Column
from longspan.selectors.digests.base import Digest, Digests
from longspan.selectors.digests.mean import Means
from longspan.selectors.groupings.base import Formed
from longspan.store.state import State

CARD = Card(
    name="tree",
    target="longspan.selectors.digests.tree:Tree",
    paper="Squeezed Attention: Accelerating Long Context Length LLM Inference",
    link="https://arxiv.org/abs/2411.09688",
    year=2024,
    training=False,
    changes="Mean keys are compared only where a coarser centroid matches.",
)


@dataclass(frozen=True, kw_only=True)
class Tree(Digest):
    """The hierarchical lookup of Squeezed Attention, https://arxiv.org/abs/2411.09688.

    Mean keys of groups are clustered once more by k-means; a group is compared only if its coarse centroid, the mean
    of the mean keys, is among those that match best.
    """

    coarse: float = 0.2
    """Coarse clusters per group (the paper has 1 % and 5 % of the entries)."""
    share: float = 0.5
    """Coarse clusters that stay; the paper sets a threshold, calibrated for such a share."""
    iterations: int = 10
    """Rounds of k-means at most."""

    def __post_init__(self) -> None:
        check_range("coarse", self.coarse, 0.0, 1.0)
        check_range("share", self.share, 0.0, 1.0)
        check_range("iterations", self.iterations, 0)

    def digests(self) -> Digests:
        """No centroids yet."""
        return TreeMeans(self)


class TreeMeans(Means):
    """Per group its mean key and the number of its coarse cluster; per coarse cluster its centroid."""

    def __init__(self, tree: Tree) -> None:
        super().__init__()
        self._tree = tree
        self._centroids, self._parents = Column(), Column()

    def add(self, formed: Formed, visit: Visit) -> None:
        """Clusters further groups."""
        super().add(formed, visit)
        means = self.means.value[:, -formed.count :]
        count = max(1, round(self._tree.coarse * formed.count))
        _, labels = kmeans(means, count, iterations=self._tree.iterations, seed=0, cosine=True)
        into = torch.zeros(len(means), count, means.shape[-1], device=means.device)
        index = labels[..., None].expand(means.shape)
        into.scatter_reduce_(1, index, means.float(), "mean", include_self=False)
        self._parents.append(labels + len(self._centroids))
        self._centroids.append(into.to(means.dtype))

    def match(self, query: Tensor, visit: Visit) -> Tensor:
        """query · mean; −∞ for groups of coarse clusters that are left out."""
        coarse = products(query, self._centroids.value)
        best = coarse.topk(max(1, int(coarse.shape[-1] * self._tree.share)), -1).indices
        out = torch.ones_like(coarse, dtype=torch.bool).scatter_(-1, best, False)
        parents = self._parents.value[:, None].expand(-1, query.shape[1], -1)
        return super().match(query, visit).masked_fill(out.gather(-1, parents), -torch.inf)

    @property
    def parts(self) -> dict[str, State]:
        """Both levels."""
        return super().parts | {"centroids": self._centroids, "parents": self._parents}
