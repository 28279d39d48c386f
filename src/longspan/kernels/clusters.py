"""Clusters of vectors: k-means over many sets at once, and the nearest centroid."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from longspan.parameters import check_choice, check_range

Beginning = Literal["random", "k-means++"]
BEGINNINGS = ("random", "k-means++")

# Vectors are compared with all centroids in blocks, each a matrix of about this many numbers.
_ELEMENTS = 1 << 22


def kmeans(
    x: Tensor, k: int, *, iterations: int, seed: int, cosine: bool = False, begin: Beginning = "random"
) -> tuple[Tensor, Tensor]:
    """Lloyd's algorithm on each of b sets of n vectors; x `[b, n, d]`.

    It begins with k vectors of a set, "random" ones, or with "k-means++" each drawn in proportion to its squared
    distance from those before it, https://dl.acm.org/doi/10.5555/1283383.1283494, which takes k steps. A cluster that
    loses its last vector begins anew at the vector that is farthest from its own centroid. Where a set has fewer than
    k different vectors, clusters stay empty.
    cosine: vectors are compared by direction, and centroids have length 1; otherwise by Euclidean distance.
    Returns the centroids, fp32 `[b, k, d]`, and for each vector the number of the nearest, int64 `[b, n]`. It stops
    before `iterations` rounds when nothing changes any more. Raises ValueError for k < 1, iterations < 0 or n = 0.
    """
    check_range("k", k, 1)
    check_range("iterations", iterations, 0)
    check_range("n", x.shape[1], 1)
    check_choice("begin", begin, BEGINNINGS)
    x = _directions(x.float()) if cosine else x.float()
    generator = torch.Generator().manual_seed(seed)
    centroids = _spread(x, k, generator) if begin == "k-means++" else _drawn(x, k, generator)
    labels, distance = _assign(x, centroids)
    for _ in range(iterations):
        centroids = _means(x, labels, distance, k)
        if cosine:
            centroids = _directions(centroids)
        before, (labels, distance) = labels, _assign(x, centroids)
        if torch.equal(before, labels):
            break
    return centroids, labels


def nearest(x: Tensor, centroids: Tensor) -> Tensor:
    """For each vector of x `[b, n, d]` the number of the nearest of centroids `[b, k, d]`, int64 `[b, n]`.

    The nearest by Euclidean distance; among vectors and centroids of length 1 that is the nearest by direction.
    """
    return _assign(x.float(), centroids.float())[0]


def _drawn(x: Tensor, k: int, generator: torch.Generator) -> Tensor:
    order = torch.randperm(x.shape[1], generator=generator)
    return x[:, order.to(x.device)[torch.arange(k, device=x.device) % len(order)]]


def _spread(x: Tensor, k: int, generator: torch.Generator) -> Tensor:
    """k vectors of each set, each drawn in proportion to its squared distance from the nearest before it."""
    chances = torch.rand(k, len(x), 1, generator=generator).to(x.device)
    far = x.new_ones(x.shape[:2])
    found: list[Tensor] = []
    for chance in chances:
        passed = far.cumsum(1)
        place = torch.searchsorted(passed, chance * passed[:, -1:], right=True).clamp_(max=x.shape[1] - 1)
        found.append(x.gather(1, place[..., None].expand(-1, -1, x.shape[2])))
        distance = (x - found[-1]).square().sum(-1)
        far = distance if len(found) == 1 else torch.minimum(far, distance)
    return torch.cat(found, 1)


def _assign(x: Tensor, centroids: Tensor) -> tuple[Tensor, Tensor]:
    """The nearest centroid of each vector, and half their squared distance."""
    offset = centroids.square().sum(-1)[:, None] / -2
    across = centroids.transpose(1, 2)
    rows = max(1, _ELEMENTS // (x.shape[0] * centroids.shape[1]))
    found = [torch.baddbmm(offset, block, across).max(-1) for block in x.split(rows, 1)]
    closeness = torch.cat([each.values for each in found], 1)
    return torch.cat([each.indices for each in found], 1), x.square().sum(-1) / 2 - closeness


def _means(x: Tensor, labels: Tensor, distance: Tensor, k: int) -> Tensor:
    """The mean of each cluster; for one without vectors, one of the vectors that are farthest from their centroids."""
    sets, count, dim = x.shape
    flat = (labels + torch.arange(sets, device=x.device)[:, None] * k).flatten()
    sums = x.new_zeros(sets * k, dim).index_add_(0, flat, x.flatten(0, 1)).view(sets, k, dim)
    sizes = torch.bincount(flat, minlength=sets * k).view(sets, k, 1)
    empty = sizes[..., 0] == 0
    if not bool(empty.any()):
        return sums / sizes
    farthest = distance.argsort(1, descending=True)
    place = farthest.gather(1, (empty.cumsum(1) - 1).clamp(0, count - 1))
    anew = x.gather(1, place[..., None].expand(-1, -1, dim))
    return torch.where(empty[..., None], anew, sums / sizes.clamp(min=1))


def _directions(x: Tensor) -> Tensor:
    return torch.nn.functional.normalize(x, dim=-1)
