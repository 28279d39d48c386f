"""Dense attention of many bf16 queries by bf16 matrix products that are exact where it counts.

On processors with bf16 dot products these run several times as fast as products of fp32, but give bf16 scores,
whose error grows with their size: a score of 200 is off by up to half a unit. So every tile of scores is made
twice, once to find each row's largest, and once with the largest taken off inside the product: now the error grows
with the distance from the largest, where the weights vanish.
"""

from __future__ import annotations

import torch
from torch import Tensor

# Queries and keys of a tile: large enough for the matrix products, small enough for the caches. Keys are a multiple
# of queries, so that a query's own key and all hidden ones lie in the last tile.
_QUERIES = 128
_KEYS = 1024


def suits(query: Tensor, key: Tensor) -> bool:
    """Whether this is the fastest way: many queries, on a processor that multiplies bf16 vectors.

    Processors that multiply bf16 matrices (AMX) are left to the stock kernel, which makes use of it.
    """
    return (
        query.dtype is torch.bfloat16
        and min(query.shape[1], key.shape[1]) >= _QUERIES // 2
        and torch.cpu._is_avx512_bf16_supported()
        and not torch.cpu._is_amx_tile_supported()
    )


def attend(query: Tensor, key: Tensor, value: Tensor, *, scale: float, causal: bool) -> tuple[Tensor, Tensor]:
    """Output bf16 `[heads, n, d]` and log-sum-exp fp32 `[heads, n]`; arguments as for `kernels.attention.attend`."""
    kv_heads, length, _ = key.shape
    grouped = query.unflatten(0, (kv_heads, -1))
    shared, count = grouped.shape[1:3]
    out = query.new_empty(kv_heads, shared, count, value.shape[-1])
    lse = torch.empty(kv_heads, shared, count, device=query.device)
    room = query.new_empty(len(query) * min(_QUERIES, count) * min(_KEYS, length))
    later = query.new_full((_QUERIES, _QUERIES), -torch.inf).triu(1)
    for start in range(0, count, _QUERIES):
        rows = slice(start, min(count, start + _QUERIES))
        queries = grouped[:, :, rows]
        visible = rows.stop if causal else length
        state: tuple[Tensor, Tensor, Tensor] | None = None
        for first in range(0, visible, _KEYS):
            keys = slice(first, min(visible, first + _KEYS))
            hidden = later if causal and keys.stop == visible else None
            state = _tile(queries, key[:, keys], value[:, keys], scale, hidden, room, state)
        if state is None:
            raise ValueError("key has 0 entries, allowed 1 or more")
        largest, total, summed = state
        out[:, :, rows] = (summed / total).view(kv_heads, shared, -1, value.shape[-1])
        lse[:, :, rows] = (total.log() + largest).view(kv_heads, shared, -1)
    return out.flatten(0, 1), lse.flatten(0, 1)


def _tile(
    queries: Tensor,
    key: Tensor,
    value: Tensor,
    scale: float,
    later: Tensor | None,
    room: Tensor,
    before: tuple[Tensor, Tensor, Tensor] | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Joins one tile: per row the largest score (bf16), the sum of weights and of weighted values (fp32).

    queries `[kv_heads, shared, n, d]`. later: where the last n keys are the queries' own, −∞ above a diagonal of at
    least n, which hides later ones than its own from a query. room: memory for the scores.
    """
    kv_heads, shared, count, dim = queries.shape
    length = key.shape[1]
    queries = queries.reshape(kv_heads, shared * count, dim)
    across = key.transpose(1, 2)
    scores = room[: kv_heads * shared * count * length].view(kv_heads, shared * count, length)
    torch.bmm(queries, across, out=scores)
    _hide(scores, count, later)
    largest = scores.amax(-1, keepdim=True).mul_(scale)
    if before is not None:
        largest = torch.maximum(largest, before[0])
    torch.baddbmm(-largest, queries, across, alpha=scale, out=scores)
    _hide(scores, count, later)
    weights = scores.exp_()
    total = weights.sum(-1, keepdim=True).float()
    summed = torch.bmm(weights, value).float()
    if before is not None:
        faded = torch.exp(before[0].float() - largest.float())
        total.addcmul_(before[1], faded)
        summed.addcmul_(before[2], faded)
    return largest, total, summed


def _hide(scores: Tensor, count: int, later: Tensor | None) -> None:
    if later is not None:
        scores.unflatten(1, (-1, count))[..., -count:].add_(later[:count, :count])
