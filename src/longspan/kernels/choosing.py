"""What a selector needs at every generated token: products of queries with a table, and the highest of them."""

from __future__ import annotations

import ctypes
from functools import cache

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
        or dim % library.chunk()
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
        ctypes.c_void_p(found.data_ptr()),
    ):
        raise MemoryError(_NO_MEMORY)
    return found


@cache
def _library() -> ctypes.CDLL | None:
    return building.library("choosing.cpp")
