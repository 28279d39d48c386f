"""From scores of blocks to a block index: what patterns have in common.

A pattern scores blocks, chooses some of them as a bool matrix `[h, query_blocks, key_blocks]` (h is 1, kv_heads or
heads), and turns the matrix into the visits of a `BlockIndex`. Blocks are aligned to index 0 of the keys; a block of
queries is one of keys too, its own. Vertical and slash lines are found and turned into blocks in `lines.py`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from longspan.patterns.base import PatternView


def own_blocks(view: PatternView, block: int) -> Tensor:
    """The number of each query block's own block, int64 `[query_blocks]`; the first one is the index's `first`."""
    last = (view.key.shape[1] - 1) // block
    return torch.arange(view.start // block, last + 1, device=view.key.device)


def causal_blocks(own: Tensor, key_blocks: int, parts: int = 1) -> Tensor:
    """Which key blocks lie wholly before each query block: bool `[query_blocks, key_blocks]`.

    own: numbers of the query blocks. parts: key blocks per query block, `block // width`.
    """
    return torch.arange(key_blocks, device=own.device) < own[:, None] * parts


def pooled(x: Tensor, block: int, start: int = 0) -> Tensor:
    """The mean of each block, fp32 `[h, blocks, d]`, of x `[h, n, d]` whose first row has index `start`.

    The first block and the last one are means of fewer rows where n does not fill them.
    """
    head = min(-start % block, x.shape[1])
    whole = (x.shape[1] - head) // block * block
    return torch.stack([_means(each, block, head, head + whole) for each in x])


def _means(x: Tensor, block: int, begin: int, end: int) -> Tensor:
    """Of one head, whose whole blocks lie at begin .. end - 1; head by head, what is converted stays in the cache."""
    body = x[begin:end].unflatten(0, (-1, block)) if end > begin else x[None, :0]
    parts = [part for part in (x[None, :begin], body, x[None, end:]) if part.numel()]
    return torch.cat([part.float().mean(1) for part in parts])


def pooled_scores(view: PatternView, block: int) -> Tensor:
    """Mean query · mean key, scaled and bounded as scores are, fp32 `[heads, query_blocks, key_blocks]`.

    Not yet causal, and of one piece only: see `Pattern.pieces`.
    """
    query = pooled(view.query, block, view.start).unflatten(0, (-1, view.group))
    key = pooled(view.key, block)
    products: Tensor = query.flatten(1, 2) @ key.mT
    scores = view.scene.softmax.logits(products, out=products)
    found: Tensor = scores.unflatten(1, (view.group, -1)).flatten(0, 1)
    return found


def highest(scores: Tensor, count: int | Tensor, allowed: Tensor) -> Tensor:
    """The `count` highest of the allowed ones, all of them where there are fewer: bool, like scores.

    scores `[..., n]`, above -∞. count: int64 that broadcasts to `[..., 1]` where rows have their own. allowed: bool
    that broadcasts to scores.
    """
    taken = min(int(count.max()) if isinstance(count, Tensor) else count, scores.shape[-1])
    best = scores.masked_fill(~allowed, -torch.inf).topk(taken).indices
    kept = (torch.arange(taken, device=scores.device) < count).expand(best.shape)
    return torch.zeros_like(scores, dtype=torch.bool).scatter_(-1, best, kept) & allowed


def covering(weights: Tensor, share: float, allowed: Tensor) -> Tensor:
    """The fewest allowed ones, highest first, that hold `share` of the allowed weight: bool, like weights.

    weights `[..., n]`, finite and not below 0; they need not add up to 1. allowed: bool that broadcasts to it.
    share 1 chooses all that are allowed, 0 none.
    """
    if share >= 1:
        return allowed.expand(weights.shape).clone()
    ordered, order = weights.masked_fill(~allowed, 0).sort(-1, descending=True)
    held = ordered.cumsum(-1, dtype=torch.float64)
    chosen = held - ordered < share * held[..., -1:]
    return torch.zeros_like(chosen).scatter_(-1, order, chosen) & allowed


def visits_of(chosen: Tensor) -> Tensor:
    """The numbers of the chosen blocks, int64 `[h, query_blocks, m]`: ascending, then -1.

    chosen: bool `[h, query_blocks, key_blocks]`, or any `[..., n]`. m is the largest count of a query block.
    """
    counts = chosen.sum(-1)
    longest = int(counts.max()) if counts.numel() else 0
    visits = counts.new_full((*counts.shape, longest), -1)
    filled = torch.arange(longest, device=chosen.device) < counts[..., None]
    numbers = chosen.flatten().nonzero()[:, 0] % max(1, chosen.shape[-1])
    return visits.masked_scatter_(filled, numbers)


def columns_of(keys: Tensor, chosen: Tensor, own: Tensor, block: int, width: int = 0) -> Tensor:
    """Single keys as the columns of an index, int64 `[h, query_blocks, c]`: ascending, then -1.

    keys: int64 `[h, k]` or `[h, query_blocks, k]`, distinct and ascending indices, -1 anywhere for none. Those that do
    not lie before the query block, or lie in a block that it visits anyway, are left out. chosen: bool
    `[h, query_blocks, key_blocks]`, which blocks of `width` keys (0: of `block`) are visited, a place for each key.
    own: numbers of the query blocks.
    """
    if keys.dim() == 2:
        keys = keys[:, None]
    places = keys.clamp(min=0) // (width or block)
    visited = chosen.gather(2, places.expand(-1, len(own), -1))
    return packed(keys, (keys >= 0) & (keys < own[:, None] * block) & ~visited)


def packed(values: Tensor, kept: Tensor) -> Tensor:
    """The kept values of each row in their order, then -1: int64 `[..., m]`, m the largest count of a row.

    values: int64 that broadcasts to kept, bool `[..., n]`.
    """
    places = visits_of(kept)
    return values.expand(kept.shape).gather(-1, places.clamp(min=0)).masked_fill_(places < 0, -1)
