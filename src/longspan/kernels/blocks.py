"""Block-sparse attention: each block of queries visits chosen blocks of keys. One executor for every pattern."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.kernels.attention import Merge, attend
from longspan.kernels.regions import attend_tiles
from longspan.kernels.tiles import tiles

# Keys gathered at a time, in elements; bounds the copy that a gather makes.
_GATHER_ELEMENTS = 1 << 23


@dataclass(frozen=True, kw_only=True)
class BlockIndex:
    """Which key blocks each query block visits besides its own.

    block: tokens per block; blocks are aligned to index 0 of the keys. first: the block in which the first query
    lies. visits: int64 `[h, query_blocks, m]`, where h is 1, kv_heads or heads: key block numbers smaller than
    the query block's own, −1 at the end where a query block visits fewer than m. The own block is always
    visited, causally.
    """

    block: int
    first: int
    visits: Tensor


def attend_blocks(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    index: BlockIndex,
    *,
    scale: float,
    softcap: float | None = None,
) -> Merge:
    """Queries are the last n of the m positions that the keys cover.

    query `[heads, n, d]`, key and value `[kv_heads, m, d]`.
    """
    rows, keys = query.shape[1], key.shape[1]
    start = keys - rows
    size = index.block
    own = tiles([(start + t) // size * size for t in range(rows)], range(start + 1, keys + 1))
    merge = attend_tiles(query, key, value, own, scale=scale, softcap=softcap)
    if merge is None:
        raise ValueError("attend_blocks: query has 0 rows, allowed 1 .. ∞")
    whole = keys // size
    key_blocks = key[:, : whole * size].unflatten(1, (whole, size))
    value_blocks = value[:, : whole * size].unflatten(1, (whole, size))
    for first, count, visits in _groups(index, start, keys, key.shape[-1] * key.shape[0]):
        _visit(merge, query, key_blocks, value_blocks, first - start, count, visits, scale, softcap)
    return merge


def _groups(index: BlockIndex, start: int, keys: int, width: int) -> list[tuple[int, int, Tensor]]:
    """Runs of neighbouring query blocks with equally many visits: (first position, tokens per block, visits)."""
    size = index.block
    counts = (index.visits >= 0).sum(-1)
    if counts.shape[0] > 1 and not bool((counts == counts[:1]).all()):
        raise ValueError(
            "visits: heads of one query block visit different numbers of blocks, allowed one number"
        )
    groups: list[tuple[int, int, Tensor]] = []
    previous = None
    for b, count in enumerate(counts[0].tolist()):
        begin = max(start, (index.first + b) * size)
        tokens = min(keys, (index.first + b + 1) * size) - begin
        if count == 0:
            previous = None
            continue
        visits = index.visits[:, b : b + 1, :count]
        wide = (
            previous == (count, tokens)
            and (groups[-1][2].shape[1] + 1) * count * size * width <= _GATHER_ELEMENTS
        )
        if wide:
            first, _, earlier = groups[-1]
            groups[-1] = (first, tokens, torch.cat((earlier, visits), 1))
        else:
            groups.append((begin, tokens, visits))
        previous = (count, tokens)
    return groups


def _visit(
    merge: Merge,
    query: Tensor,
    key_blocks: Tensor,
    value_blocks: Tensor,
    row: int,
    tokens: int,
    visits: Tensor,
    scale: float,
    softcap: float | None,
) -> None:
    """Some query blocks of `tokens` rows each, against their visited blocks, as one batch."""
    heads, blocks = query.shape[0], visits.shape[1]
    part = query[:, row : row + blocks * tokens].unflatten(1, (blocks, tokens)).transpose(0, 1)
    choosers = max(visits.shape[0], key_blocks.shape[0])
    head = torch.arange(choosers, device=visits.device)[None, :, None] * key_blocks.shape[0] // choosers
    chosen = visits.transpose(0, 1)
    out, lse = attend(
        part.flatten(0, 1),
        key_blocks[head, chosen].flatten(2, 3).flatten(0, 1),
        value_blocks[head, chosen].flatten(2, 3).flatten(0, 1),
        scale=scale,
        softcap=softcap,
    )
    out = out.unflatten(0, (blocks, heads)).transpose(0, 1).flatten(1, 2)
    merge.add(out, lse.unflatten(0, (blocks, heads)).transpose(0, 1).flatten(1, 2), row)
