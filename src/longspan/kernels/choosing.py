"""What a selector needs at every generated token: products of queries with a table, and the highest of them."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import torch
from torch import Tensor

from longspan.kernels import building

# So many queries or more are a product of matrices.
_MATRIX = 48
_NO_MEMORY = "no memory is left for choosing entries; keep fewer sequences together"


def products(query: Tensor, table: Tensor) -> Tensor:
    """query · row of the table, in fp32: `[rows, group, d]`, `[rows, n, d]` → `[rows, group, n]`."""
    library, (rows, count, dim) = _library(), table.shape
    if (
        library is None
        or table.device.type != "cpu"
        or table.dtype not in (torch.bfloat16, torch.float32)
        or table.stride()[1:] != (dim, 1)
        or not count
        or query.shape[1] >= _MATRIX
        or query.requires_grad
    ):
        return torch.bmm(table.float(), query.float().transpose(1, 2)).transpose(1, 2)
    wide = query.float().contiguous()
    out = torch.empty(rows, query.shape[1], count)
    failed = library.multiply_table(
        *(ctypes.c_void_p(table.data_ptr()), ctypes.c_int64(table.dtype is torch.bfloat16)),
        *(ctypes.c_int64(table.stride(0)), ctypes.c_void_p(wide.data_ptr())),
        *map(ctypes.c_int64, (rows, query.shape[1], count, dim)),
        *(ctypes.c_void_p(out.data_ptr()), ctypes.c_int64(torch.get_num_threads())),
    )
    if failed:
        raise MemoryError(_NO_MEMORY)
    return out


def highest(scores: Tensor, count: int) -> Tensor:
    """Where the `count` highest numbers of `[..., n]` are, ascending, int64 `[..., count]`; of equal ones the first."""
    library = _library()
    if library is None or scores.device.type != "cpu" or not count:
        order: Tensor = scores.argsort(dim=-1, descending=True, stable=True)
        return torch.sort(order[..., :count]).values
    scores = scores.float().contiguous()
    found = torch.empty(*scores.shape[:-1], count, dtype=torch.int64)
    sizes = scores[..., 0].numel(), scores.shape[-1], count
    if library.highest(
        ctypes.c_void_p(scores.data_ptr()),
        *map(ctypes.c_int64, sizes),
        *(ctypes.c_void_p(found.data_ptr()), ctypes.c_int64(torch.get_num_threads())),
    ):
        raise MemoryError(_NO_MEMORY)
    return found


@dataclass(frozen=True, kw_only=True, eq=False)
class Ranking:
    """Pages of entries of which each head of queries visits those that it matches best.

    table `[rows, pages, width]`: by its products with queries pages are compared; bounded: what of a query is positive
    meets the first half of the width, what is negative the second. sinks: entries before the first page. size: entries
    of a page. limit: how many pages a head visits, with the sinks and all entries behind the last page.
    """

    table: Tensor
    bounded: bool
    sinks: int
    size: int
    limit: int


Ranked: TypeAlias = tuple[int, int, int, Ranking | None]
"""A token, its first head and how many heads there are that choose by a ranking, or visit all entries for None."""


def ranks(shared: int, dtype: torch.dtype) -> bool:
    """Whether a step can choose by itself for `shared` queries of each row."""
    return _library() is not None and dtype in (torch.bfloat16, torch.float32) and shared < _MATRIX


class Choice:
    """What the queries of a layer's tokens choose from, to be chosen by `choosing_address` at its `address`.

    query `[heads, tokens, dim]`, lengths int64 `[tokens · heads]`, the entries that are stored, visited int64
    `[tokens · heads, room]` and visits `[tokens · heads]`, which take what is visited, stay where they are.
    """

    def __init__(
        self,
        query: Tensor,
        lengths: Tensor,
        ranked: Sequence[Ranked],
        visited: Tensor,
        visits: Tensor,
    ) -> None:
        self._rankings = (_Ranking * len(ranked))(*(_ranking(*each) for each in ranked))
        places = ctypes.addressof(self._rankings), query.data_ptr(), lengths.data_ptr()
        self._choice = _Choice(
            *places, visited.data_ptr(), visits.data_ptr(), len(ranked), *query.stride()[:2]
        )
        self._choice.bf16, self._choice.heads = query.dtype is torch.bfloat16, len(query)
        self._choice.room, self._choice.threads = visited.shape[1], torch.get_num_threads()
        self._held = ranked, query, lengths, visited, visits
        self.address = ctypes.addressof(self._choice)


def choosing_address() -> int | None:
    """Where the function lies that makes a choice and gives 1 where memory does not suffice, 0 otherwise."""
    library = _library()
    return None if library is None else ctypes.cast(library.choose, ctypes.c_void_p).value


class _Ranking(ctypes.Structure):
    _fields_ = (
        ("table", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ("bf16", "pitch", "count", "width", "bounded")),
        *((name, ctypes.c_int64) for name in ("token", "head", "rows", "group", "sinks", "size", "limit")),
    )


class _Choice(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("rankings", "query", "lengths", "visited", "visits")),
        *((name, ctypes.c_int64) for name in ("count", "query_head", "query_row")),
        *((name, ctypes.c_int64) for name in ("bf16", "heads", "room", "threads")),
    )


def _ranking(token: int, head: int, heads: int, ranking: Ranking | None) -> _Ranking:
    if ranking is None:
        return _Ranking(token=token, head=head, rows=heads, group=1)
    table = ranking.table
    rows, count, width = table.shape
    return _Ranking(
        *(table.data_ptr(), table.dtype is torch.bfloat16, table.stride(0), count, width, ranking.bounded),
        *(token, head, rows, heads // rows, ranking.sinks, ranking.size, ranking.limit),
    )


@cache
def _library() -> ctypes.CDLL | None:
    return building.library("choosing.cpp")
