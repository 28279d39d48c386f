"""A step: all layers for some tokens of several sequences, in one call. See `layers.cpp`."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from longspan.kernels import decoding
from longspan.kernels.layers import Layer, built, check
from longspan.kernels.rotation import Table
from longspan.kernels.softmax import Softmax


class _Turn(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("cos", "sin")),
        *((name, ctypes.c_int64) for name in ("channels", "interleaved")),
    )


class _Step(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("layers", "query_turns", "key_turns", "calls", "attend")),
        *((name, ctypes.c_void_p) for name in ("query", "key", "value", "out", "hidden")),
        *((name, ctypes.c_int64) for name in ("count", "tokens", "value_dim", "narrow", "threads")),
    )


class Step:
    """What a step needs, in places of its own, so that it can be made again and again.

    hidden fp32 `[tokens, width]` goes in and comes out. tables: int64 `[layers, 5, rows]`, the fields of OpenRow of
    each token's rows. positions: int64 `[tokens]`. ancestors: int64 `[tokens, m + 1]`, which of the tokens each sees
    besides what is stored, -1 behind the last; None where each is stored itself. keys, values
    `[layers, tokens, kv_heads, dim]`: of the tokens, rotated.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        softmaxes: Sequence[Softmax],
        turns: Sequence[tuple[Table | None, Table | None]],
        *,
        tokens: int,
        width: int,
        dtype: torch.dtype,
        beside: int = 0,
    ) -> None:
        """turns: of queries and of keys in each layer, whose numbers are read in each step. beside: m, 0 for None."""
        (heads, kv_heads), (dim, value_dim), count = layers[0].heads, layers[0].dims, len(layers)
        self.hidden = torch.empty(tokens, width)
        self.tables = torch.zeros(count, 5, tokens * kv_heads, dtype=torch.int64)
        self.positions = torch.zeros(tokens, dtype=torch.int64)
        self.ancestors = torch.full((tokens, beside + 1), -1) if beside else None
        self.keys = torch.empty(count, tokens, kv_heads, dim, dtype=dtype)
        self.values = torch.empty(count, tokens, kv_heads, value_dim, dtype=dtype)
        query = torch.empty(tokens, heads, dim, dtype=dtype)
        out, lse = torch.empty(heads, tokens, value_dim), torch.empty(heads, tokens)
        calls = [
            decoding.standing(query, key, value, out, lse, table, self.positions, softmax, self.ancestors)
            for key, value, table, softmax in zip(self.keys, self.values, self.tables, softmaxes, strict=True)
        ]
        queries, keys = ((_Turn * count)(*(_turn(pair[side]) for pair in turns)) for side in (0, 1))
        held: list[Any] = [
            (ctypes.c_void_p * count)(*(each.address for each in layers)),
            queries,
            keys,
            (ctypes.c_void_p * count)(*map(ctypes.addressof, calls)),
        ]
        places = map(ctypes.addressof, held)
        tensors = (query, self.keys, self.values, out, self.hidden)
        self._step = _Step(*places, decoding.address(), *(each.data_ptr() for each in tensors))
        self._step.count, self._step.tokens, self._step.value_dim = count, tokens, value_dim
        self._step.narrow, self._step.threads = dtype is torch.bfloat16, torch.get_num_threads()
        self._held = layers, turns, query, out, lse, calls, held  # lives as long as what points to it

    def run(self) -> Tensor:
        """`hidden` behind the last layer. Raises MemoryError."""
        check(built().step(ctypes.byref(self._step)))
        return self.hidden


def put(table: Tensor, keys: Tensor, values: Tensor, position: int) -> None:
    """Writes one entry behind each row of each layer, which its owner has to say.

    table: int64 `[layers, 5, kv_heads]`, the fields of OpenRow. keys, values `[layers, kv_heads, dim]`.
    """
    layers, _, rows = table.shape
    given = [
        each
        for x in (keys, values)
        for each in (x.data_ptr(), x.stride(0) * x.itemsize, x.shape[-1] * x.itemsize)
    ]
    built().put(table.data_ptr(), layers, rows, *given, position)


def _turn(table: Table | None) -> _Turn:
    if table is None:
        return _Turn()
    return _Turn(table.cos.data_ptr(), table.sin.data_ptr(), table.cos.shape[-1], table.interleaved)
