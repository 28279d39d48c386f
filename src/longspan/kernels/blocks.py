"""Block-sparse attention: each block of queries visits chosen blocks of keys. One executor for every pattern."""

from __future__ import annotations

import torch
from torch import Tensor

from longspan.kernels import compiled, gathered
from longspan.kernels.attention import Merge
from longspan.kernels.block_index import BlockIndex


def attend_blocks(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    index: BlockIndex,
    *,
    scale: float,
    softcap: float | None = None,
    bounds: tuple[Tensor, Tensor] | None = None,
) -> Merge:
    """Queries, the last n of the m positions that the keys cover, over the keys that the index gives them.

    query `[heads, n, d]`, key and value `[kv_heads, m, d]`. bounds: low and high, int64 `[n]`, neither ever falling:
    of all that the index gives, query t sees only the keys low[t] .. high[t] − 1. A query that sees nothing gives zeros
    and a log-sum-exp of −∞. Raises ValueError for an index that does not fit the tensors or points outside.
    """
    check(index, query, key, value, bounds)
    way = compiled if compiled.suits(query, key, value) else gathered
    return Merge(*way.attend(query, key, value, index, scale=scale, softcap=softcap, bounds=bounds))


def check(
    index: BlockIndex, query: Tensor, key: Tensor, value: Tensor, bounds: tuple[Tensor, Tensor] | None
) -> None:
    """Raises ValueError unless shapes fit, every number of the index is in its range and every list in its order."""
    heads, rows, keys = query.shape[0], query.shape[1], key.shape[1]
    if key.shape[:2] != value.shape[:2] or query.shape[2] != key.shape[2] or heads % len(key):
        shapes = " ".join(
            f"{name} {tuple(x.shape)}" for name, x in zip("qkv", (query, key, value), strict=True)
        )
        raise ValueError(f"{shapes} do not fit, allowed q (g·h, n, d) k (h, m, d) v (h, m, any)")
    if not 1 <= rows <= keys:
        raise ValueError(f"query has {rows} rows, allowed 1 .. {keys}, the number of keys")
    if index.block < 1 or index.width < 0 or index.block % (index.width or 1):
        raise ValueError(f"width={index.width} is not a divisor of block={index.block}")
    first, last = (keys - rows) // index.block, (keys - 1) // index.block
    if index.first != first:
        raise ValueError(f"first={index.first} is not {first}, the block in which the first query lies")
    choosers, blocks = (1, len(key), heads), last + 1 - first
    own = torch.arange(first, last + 1, device=key.device)[:, None] * index.block
    _check_lists("visits", index.visits, choosers, blocks, own // (index.width or index.block))
    if index.columns is not None:
        _check_lists("columns", index.columns, choosers, blocks, own)
    for bundle in index.bundles:
        count = bundle.rows.shape[1] if bundle.rows.ndim == 3 else 1
        _check_numbers("rows", bundle.rows, choosers, count, 0, rows, str(rows - 1))
        _check_numbers("columns", bundle.columns, choosers, count, -1, keys, str(keys - 1))
        if not bool(bundle.rows.flatten(1).sort(-1).values.diff(dim=-1).all()):
            raise ValueError("rows: the bundles of a head name a query twice, allowed once")
        if bundle.bonus is not None and bundle.bonus.shape != bundle.columns.shape:
            raise ValueError(
                f"bonus has the shape {tuple(bundle.bonus.shape)}, allowed {tuple(bundle.columns.shape)} as columns"
            )
    for name, bound in zip(("low", "high"), bounds or (), strict=False):
        if bound.dtype != torch.int64 or bound.shape != (rows,) or bool((bound.diff() < 0).any()):
            raise ValueError(f"bounds: {name} is not torch.int64 ({rows},) that never falls")


def _check_lists(name: str, lists: Tensor, choosers: tuple[int, ...], count: int, end: Tensor) -> None:
    _check_numbers(name, lists, choosers, count, -1, end, "the last before the query block")
    before, after = lists[..., :-1], lists[..., 1:]
    if not bool(((after == -1) | ((before >= 0) & (after > before))).all()):
        raise ValueError(f"{name}: numbers of a query block do not rise, with -1 behind the last only")


def _check_numbers(
    name: str,
    numbers: Tensor,
    choosers: tuple[int, ...],
    count: int,
    low: int,
    end: int | Tensor,
    high: str,
) -> None:
    shape = tuple(numbers.shape)
    if numbers.dtype != torch.int64 or len(shape) != 3 or shape[0] not in choosers or shape[1] != count:
        wanted = " or ".join(map(str, dict.fromkeys(choosers)))
        raise ValueError(f"{name} is {numbers.dtype} {shape}, allowed torch.int64 ({wanted}, {count}, any)")
    if not bool(((numbers >= low) & (numbers < end)).all()):
        raise ValueError(f"{name}: a number is outside {low} .. {high}")
