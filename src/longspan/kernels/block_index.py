"""Which keys each block of queries visits, as tensors."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """Queries that attend to keys together, every query of a bundle to every key of it, whatever their order.

    rows: int64 `[h, bundles, r]`, numbers of queries counted from the first, each at most once a head. columns: int64
    `[h, bundles, c]`, indices of keys; -1 stands where there is none. bonus: what is added to each score, fp32
    `[h, bundles, c]` or None: the logarithm of how many keys a sampled key stands for.
    No pair may be visited otherwise.
    """

    rows: Tensor
    columns: Tensor
    bonus: Tensor | None = None


@dataclass(frozen=True, kw_only=True)
class BlockIndex:
    """Which keys each query block visits besides those of its own block, which are always visited, causally.

    block: tokens per query block; blocks are aligned to index 0 of the keys. first: the block in which the first
    query lies. h is 1, kv_heads or heads in each tensor; -1 stands behind the last visit of a query block.
    visits: int64 `[h, query_blocks, m]`, ascending numbers of key blocks that lie before the query block.
    width: keys per key block, a divisor of `block`; 0 for `block`.
    columns: int64 `[h, query_blocks, c]`, ascending indices of single keys before the query block, none of them in a
    visited key block.
    bundles: further pairs, of any place.
    """

    block: int
    first: int
    visits: Tensor
    width: int = 0
    columns: Tensor | None = None
    bundles: tuple[Bundle, ...] = ()
