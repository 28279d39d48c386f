"""A step: all layers for some tokens of several sequences, in one call. See `layers.cpp`."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from longspan.kernels import decoding
from longspan.kernels.choosing import Choice, Ranked, choosing_address
from longspan.kernels.decoding import OpenRow
from longspan.kernels.layers import Layer, built, check
from longspan.kernels.rotation import Table
from longspan.kernels.softmax import Softmax

_CHOOSE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int64)


class _Turn(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("cos", "sin")),
        *((name, ctypes.c_int64) for name in ("channels", "interleaved")),
    )


class _Step(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("layers", "query_turns", "key_turns", "calls", "attend")),
        ("chooses", ctypes.c_void_p),
        ("choose", _CHOOSE),
        *((name, ctypes.c_void_p) for name in ("choices", "rank")),
        *((name, ctypes.c_void_p) for name in ("query", "key", "value", "raw", "out", "hidden")),
        *((name, ctypes.c_int64) for name in ("count", "tokens", "value_dim", "narrow", "threads")),
    )


class Step:
    """What a step needs, in places of its own, so that it can be made again and again.

    hidden fp32 `[tokens, width]` goes in and comes out. tables: int64 `[layers, 8, rows]`, the fields of OpenRow of
    each token's rows. positions: int64 `[tokens]`. ancestors: int64 `[tokens, m + 1]`, which of the tokens each sees
    besides what is stored, -1 behind the last; None where each is stored itself. query `[heads, tokens, dim]`, of the
    layer that is asked about, keys, values `[layers, tokens, kv_heads, dim]`: of the tokens, rotated. raw: queries
    `[layers, tokens, heads, dim]` before that, where they are wanted.
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
        choosing: Sequence[bool] | None = None,
        raw: bool = False,
    ) -> None:
        """turns: of queries and of keys in each layer, whose numbers are read in each step. beside: m, 0 for None.

        choosing: of each layer, whether `run` asks what is visited in it; None for none of them.
        """
        (heads, kv_heads), (dim, value_dim), count = layers[0].heads, layers[0].dims, len(layers)
        self.hidden = torch.empty(tokens, width)
        self.tables = torch.zeros(count, len(OpenRow._fields), tokens * kv_heads, dtype=torch.int64)
        self.positions = torch.zeros(tokens, dtype=torch.int64)
        self.ancestors = torch.full((tokens, beside + 1), -1) if beside else None
        self.keys = torch.empty(count, tokens, kv_heads, dim, dtype=dtype)
        self.values = torch.empty(count, tokens, kv_heads, value_dim, dtype=dtype)
        query = torch.empty(tokens, heads, dim, dtype=dtype)
        self.query, self.raw = query.transpose(0, 1), query.new_empty(count if raw else 0, *query.shape)
        out, lse = torch.empty(heads, tokens, value_dim), torch.empty(heads, tokens)
        choosing = choosing or [False] * count
        self._choosing = torch.tensor(choosing, dtype=torch.uint8)
        self._calls = [
            decoding.standing(
                query, key, value, out, lse, table, self.positions, softmax, self.ancestors, stored=stored
            )
            for key, value, table, softmax, stored in zip(
                self.keys, self.values, self.tables, softmaxes, choosing, strict=True
            )
        ]
        self._shared, self._by_query = heads // kv_heads, self.tables.repeat_interleave(heads // kv_heads, 2)
        self._choices: dict[int, Choice] = {}
        self._visited: dict[int, tuple[Tensor, Tensor] | None] = {}
        queries, keys = ((_Turn * count)(*(_turn(pair[side]) for pair in turns)) for side in (0, 1))
        held: list[Any] = [
            (ctypes.c_void_p * count)(*(each.address for each in layers)),
            queries,
            keys,
            (ctypes.c_void_p * count)(*map(ctypes.addressof, self._calls)),
        ]
        places = map(ctypes.addressof, held)
        self._choice = (ctypes.c_void_p * count)()
        tensors = (query, self.keys, self.values, self.raw, out, self.hidden)
        self._step = _Step(
            *(*places, decoding.address(), self._choosing.data_ptr(), _CHOOSE()),
            *(ctypes.addressof(self._choice), choosing_address()),
            *(each.data_ptr() for each in tensors),
        )
        self._step.count, self._step.tokens, self._step.value_dim = count, tokens, value_dim
        self._step.narrow, self._step.threads = dtype is torch.bfloat16, torch.get_num_threads()
        self._held = layers, turns, query, out, lse, held  # lives as long as what points to it

    def rank(self, ranked: Mapping[int, Sequence[Ranked]], room: int) -> None:
        """What the tokens of these layers choose from by themselves, until it is said anew; in others they visit all.

        room: entries that none of them visits more of.
        """
        rows = self._by_query.shape[2]
        visited, visits = torch.empty(rows, room, dtype=torch.int64), torch.empty(rows, dtype=torch.int64)
        self._choices = {
            layer: Choice(self.query, self._by_query[layer, 3], each, visited, visits)
            for layer, each in ranked.items()
        }
        for layer, call in enumerate(self._calls):
            choice = self._choices.get(layer)
            self._choice[layer] = None if choice is None else choice.address
            table = self.tables if choice is None else self._by_query
            decoding.visit(call, table[layer], None if choice is None else (visited, visits))

    def run(self, choose: Callable[[int], tuple[Tensor, Tensor] | None] | None = None) -> Tensor:
        """`hidden` behind the last layer. Raises MemoryError.

        choose: called with the number of each layer in which something is chosen, before its attention. It stores the
        tokens there, and gives which entries the heads of queries of each token visit: ascending int64
        `[tokens · heads, m]`, and how many of them are meant `[tokens · heads]`; None for all. What it raises ends the
        step, and is raised.
        """
        raised: list[BaseException] = []

        def asked(layer: int) -> int:
            try:
                visited = self._visited[layer] = None if choose is None else choose(layer)
                table = self.tables if visited is None else self._by_query
                decoding.visit(self._calls[layer], table[layer], visited)
            except BaseException as error:  # nothing can pass through the step itself
                raised.append(error)
            return len(raised)

        if choose is not None:
            self.tables[:, 3] += self._choosing[:, None]
            self._step.choose = _CHOOSE(asked)
        if choose is not None or self._choices:
            self._by_query.unflatten(2, (-1, self._shared)).copy_(self.tables[..., None])
        failed = built().step(ctypes.byref(self._step))
        self._step.choose = _CHOOSE()
        if raised:
            raise raised[0]
        check(failed)
        return self.hidden


def put(table: Tensor, keys: Tensor, values: Tensor, position: int) -> None:
    """Writes one entry behind each row of each layer, which its owner has to say.

    table: int64 `[layers, 8, kv_heads]`, the fields of OpenRow. keys, values `[layers, kv_heads, dim]`.
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
