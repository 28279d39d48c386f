"""Which kept key is most like a dropped one, and how dropped vectors are added to kept ones."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

_CELLS = 1 << 22
"""Similarities that are held at a time."""


def nearest(keys: Tensor, kept: Tensor, dropped: Tensor) -> tuple[Tensor, Tensor]:
    """For each dropped entry the place within `kept` of the most similar key, and their cosine.

    keys fp32 `[n, dim]`; kept `[m]`, m ≥ 1, and dropped `[d]`: indices of entries. Returns int64 `[d]` and fp32 `[d]`.
    Works a block of dropped entries at a time, so that no `[d, m]` tensor exists.
    """
    unit = normalize(keys, dim=-1)
    centres = unit[kept].T
    best = [(unit[part] @ centres).max(1) for part in dropped.split(max(1, _CELLS // len(kept)))]
    return torch.cat([each.indices for each in best]), torch.cat([each.values for each in best])


def shares(target: Tensor, own: Tensor, added: Tensor) -> tuple[Tensor, Tensor]:
    """Weights that sum to 1 for every kept entry: its own `[m]`, and `[d]` of what is added to `target`.

    An entry of which all weights are 0 stays as it is.
    """
    total = own.index_add(0, target, added)
    empty = total == 0
    total = total.masked_fill(empty, 1.0)
    return (own / total).masked_fill(empty, 1.0), added / total[target]


def combined(vectors: Tensor, added: Tensor, target: Tensor, own: Tensor, share: Tensor) -> Tensor:
    """own · vector + the sum of share · added over what has the vector as its target.

    vectors `[m, dim]` with own `[m]`; added `[d, dim]` with target and share `[d]`.
    """
    return (own[:, None] * vectors).index_add(0, target, share[:, None] * added)


def weights(scores: Tensor) -> Tensor:
    """Scores of one row `[n]` as weights ≥ 0.

    Scores that are not negative are their own weights; otherwise the lowest becomes 0. +∞ (must stay) weighs as much
    as the highest finite score, −∞ nothing.
    """
    finite = scores[scores.isfinite()]
    if not len(finite):
        return (scores > 0).float()
    low, high = finite.min().clamp(max=0.0), finite.max()
    return scores.clamp(low, high).sub(low).masked_fill(scores == -torch.inf, 0.0)
