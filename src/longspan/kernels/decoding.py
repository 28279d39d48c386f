"""One new token of each of several sequences: stored behind its rows, and attending to them, in one call."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from longspan.kernels import building

_POINTERS = (
    *("query", "key", "value", "out", "lse"),
    *("keys", "values", "places", "lengths", "firsts", "positions"),
)
_NUMBERS = (
    *("query_head", "query_row", "key_head", "key_row", "value_head", "value_row"),
    *("heads", "kv_heads", "tokens", "dim", "value_dim", "bf16", "threads"),
)


class _Call(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_void_p) for name in _POINTERS),
        *((name, ctypes.c_int64) for name in _NUMBERS),
        *((name, ctypes.c_double) for name in ("scale", "softcap")),
    )


class OpenRow(NamedTuple):
    """A row of entries with room for one more, in memory.

    keys, values, places: addresses of its first key, value and int32 position, 0 where no positions are kept. length:
    entries before the new one. first: the first entry that is seen.
    """

    keys: int
    values: int
    places: int
    length: int
    first: int


def suits(dtype: torch.dtype, device: torch.device) -> bool:
    """Whether it can be used: numbers that it knows, in memory, and a processor for which it could be built."""
    return device.type == "cpu" and dtype in (torch.bfloat16, torch.float32) and _library() is not None


def attend_rows(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    rows: Sequence[OpenRow],
    positions: Sequence[int],
    *,
    scale: float,
    softcap: float | None,
) -> tuple[Tensor, Tensor]:
    """Output `[heads, tokens, value_dim]` in the queries' format and log-sum-exp fp32 `[heads, tokens]`.

    query `[heads, tokens, dim]`, key and value `[kv_heads, tokens, dim]` of the new tokens, rotated. rows: of the first
    token's heads, then of the second's. positions: of the tokens. Each row is one entry longer afterwards; its owner
    has to say so.
    """
    query, key, value = (x if x.stride(-1) == 1 else x.contiguous() for x in (query, key, value))
    heads, tokens, dim = query.shape
    out = torch.empty(heads, tokens, value.shape[-1])
    lse = torch.empty(heads, tokens)
    table = torch.tensor([*zip(*rows, strict=True)], dtype=torch.int64)
    places = torch.tensor(positions, dtype=torch.int64)
    call = _Call(
        scale=scale,
        softcap=softcap or 0.0,
        query=query.data_ptr(),
        key=key.data_ptr(),
        value=value.data_ptr(),
        out=out.data_ptr(),
        lse=lse.data_ptr(),
        positions=places.data_ptr(),
        heads=heads,
        kv_heads=len(key),
        tokens=tokens,
        dim=dim,
        value_dim=value.shape[-1],
        bf16=query.dtype is torch.bfloat16,
        threads=torch.get_num_threads(),
    )
    (call.query_head, call.query_row, _), (call.key_head, call.key_row, _) = query.stride(), key.stride()
    call.value_head, call.value_row, _ = value.stride()
    address, step = table.data_ptr(), table.stride(0) * table.itemsize
    call.keys, call.values, call.places = address, address + step, address + 2 * step
    call.lengths, call.firsts = address + 3 * step, address + 4 * step
    library = _library()
    if library is None or library.attend(ctypes.byref(call)):
        raise MemoryError(
            "no memory is left for the attention of new tokens; generate fewer sequences together"
        )
    return out.to(query.dtype), lse


@cache
def _library() -> ctypes.CDLL | None:
    return building.library("decoding.cpp", "words.h", flags=("-fopenmp",))
