"""One token of each of several sequences: stored behind its rows, and attending to them, in one call."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from longspan.kernels import building
from longspan.kernels.softmax import Softmax

_POINTERS = (
    *("query", "key", "value", "out", "lse"),
    *("keys", "values", "places", "lengths", "firsts", "shared_keys", "shared_values", "shared_lengths"),
    *("positions", "ancestors"),
    *("stretches", "stretches_of", "forms", "visited", "visits"),
)
_NUMBERS = (
    *("query_head", "query_row", "key_head", "key_row", "value_head", "value_row"),
    *("heads", "kv_heads", "tokens", "dim", "value_dim", "bf16", "threads", "beside"),
    *("visits_room", "row_heads"),
)


_FIELDS = _POINTERS[5:13]
"""In the order of OpenRow."""


class _Call(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_void_p) for name in _POINTERS),
        *((name, ctypes.c_int64) for name in _NUMBERS),
        *((name, ctypes.c_double) for name in ("scale", "softcap")),
    )


class Coding(NamedTuple):
    """How vectors are kept that are whole numbers times a scale plus a zero point.

    bits of a number: 8 with a sign, 4 and 2 without one, packed as `packing.pack` does; 32 and 16 are fp32 and bf16
    numbers themselves. Scales and zero points are fp16: `groups` of them for as many equal parts of a vector, in common
    to `per` entries.
    """

    bits: int
    per: int = 1
    groups: int = 1


class Stretch(NamedTuple):
    """Entries of a row that lie one behind the other, in memory, in one form.

    Addresses of the first one's numbers, scales and zero points, 0 where there are none; how many entries there are;
    which pair of codings they have.
    """

    keys: int
    key_scales: int
    key_zeros: int
    values: int
    value_scales: int
    value_zeros: int
    length: int
    form: int


class OpenRow(NamedTuple):
    """A row of entries with room for one more, in memory.

    keys, values, places: addresses of its first key, value and int32 position, 0 where no positions are kept. length:
    entries before the new one. first: the first entry that is seen. shared_keys, shared_values, shared_length: entries
    that lie elsewhere, before its own, and are never written; the first entry is then the first of these.
    """

    keys: int
    values: int
    places: int
    length: int
    first: int
    shared_keys: int = 0
    shared_values: int = 0
    shared_length: int = 0


def suits(dtype: torch.dtype, device: torch.device) -> bool:
    """Whether it can be used: numbers that it knows, in memory, and a processor for which it could be built."""
    return device.type == "cpu" and dtype in (torch.bfloat16, torch.float32) and _library() is not None


def suits_all(query: Tensor, key: Tensor, value: Tensor) -> bool:
    """Whether `attend_one` can be used: see `suits`; all in one format, without gradients, and with keys to look at."""
    return (
        suits(query.dtype, query.device)
        and query.dtype == key.dtype == value.dtype
        and key.shape[1] > 0
        and not any(x.requires_grad for x in (query, key, value))
    )


def attend_rows(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    rows: Sequence[OpenRow],
    positions: Sequence[int],
    *,
    scale: float,
    softcap: float | None,
    ancestors: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Output `[heads, tokens, value_dim]` in the queries' format and log-sum-exp fp32 `[heads, tokens]`.

    query `[heads, tokens, dim]`, key and value `[kv_heads, tokens, dim]` of the new tokens, rotated. rows: of the first
    token's heads, then of the second's. positions: of the tokens. Each row is one entry longer afterwards; its owner
    has to say so. ancestors: int64 `[tokens, m]`, which of the tokens each sees between what is stored and itself, in
    this order, -1 behind the last; then nothing is written. Tokens that follow each other and whose rows begin with the
    same entries read these once. What a token gives is the same, to the bit, whichever are beside it and whether those
    before it are stored.
    """
    key, value = (x if x.stride(-1) == 1 else x.contiguous() for x in (key, value))
    places = torch.tensor(positions, dtype=torch.int64)
    call = _Call(key=key.data_ptr(), value=value.data_ptr(), positions=places.data_ptr())
    if ancestors is not None:
        ancestors = torch.nn.functional.pad(ancestors, (0, 1), value=-1)
        call.ancestors, call.beside = ancestors.data_ptr(), ancestors.shape[1]
    (call.key_head, call.key_row, _), (call.value_head, call.value_row, _) = key.stride(), value.stride()
    return _run(call, query, len(key), value.shape[-1], rows, scale, softcap)


def standing(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    out: Tensor,
    lse: Tensor,
    table: Tensor,
    positions: Tensor,
    softmax: Softmax,
    ancestors: Tensor | None,
    *,
    stored: bool,
) -> _Call:
    """The call of `attend_rows` for tensors that stay where they are, to be made by other kernels: see `address`.

    query, key, value `[tokens, heads, dim]`, contiguous. out fp32 `[heads, tokens, value_dim]`, lse `[heads, tokens]`.
    table: int64 `[8, rows]`, the fields of OpenRow. ancestors: int64 `[tokens, m + 1]`, -1 behind the last. All of them
    have to live as long as the call is made. stored: whether the tokens' entries are in their rows already.
    """
    dim, (_, kv_heads, value_dim) = query.shape[-1], value.shape
    call = _Call(positions=positions.data_ptr())
    if not stored:
        call.key, call.value = key.data_ptr(), value.data_ptr()
    call.key_head, call.key_row = dim, kv_heads * dim
    call.value_head, call.value_row = value_dim, kv_heads * value_dim
    if ancestors is not None:
        call.ancestors, call.beside = ancestors.data_ptr(), ancestors.shape[1]
    _look_at(call, table)
    _ask(call, query.transpose(0, 1), out, lse, kv_heads, softmax.scale, softmax.softcap)
    return call


def visit(call: _Call, table: Tensor, visited: tuple[Tensor, Tensor] | None) -> None:
    """Says what the rows of a standing call see: everything, or what each head of queries visits.

    table: int64 `[8, rows]`, with a row for each head of keys, or of queries where these visit something: int64
    `[rows, m]`, ascending, of which the first `[rows]` are meant. All of them have to live as long as the call is made.
    """
    _look_at(call, table)
    call.visited = call.visits = None
    call.visits_room = call.row_heads = 0
    if visited is not None:
        index, counts = visited
        call.visited, call.visits = index.data_ptr(), counts.data_ptr()
        call.visits_room, call.row_heads = index.shape[1], call.heads


def address() -> int | None:
    """Where the function lies that makes such a call and gives 1 where memory does not suffice, 0 otherwise."""
    library = _library()
    return None if library is None else ctypes.cast(library.attend, ctypes.c_void_p).value


def attend_one(
    query: Tensor, key: Tensor, value: Tensor, *, scale: float, softcap: float | None
) -> tuple[Tensor, Tensor]:
    """A query `[heads, 1, dim]` over keys and values `[kv_heads, m, ...]` that are stored already; results likewise."""
    key, value = (x if x[0].is_contiguous() else x.contiguous() for x in (key, value))
    rows = [
        OpenRow(keys.data_ptr(), values.data_ptr(), 0, key.shape[1], 0)
        for keys, values in zip(key, value, strict=True)
    ]
    return _run(_Call(), query, len(key), value.shape[-1], rows, scale, softcap)


def attend_stretches(
    query: Tensor,
    value_dim: int,
    rows: Sequence[Sequence[Stretch]],
    forms: Sequence[tuple[Coding, Coding]],
    *,
    scale: float,
    softcap: float | None,
    first: int = 0,
    visited: Tensor | None = None,
    visits: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """A query `[heads, 1, dim]` over entries in the forms in which they are stored; results as `attend_rows`.

    rows: of each head of keys, the stretches in the order of the entries. forms: of keys and of values. first: the
    entry from which on they are seen. visited: int64 `[heads, m]`, the entries that each head of queries visits,
    counted through the stretches; the first visits[head] of them are meant, None for all.
    """
    call, kv_heads, heads = _Call(), len(rows), len(query)
    each = kv_heads if visited is None else heads
    rows = [rows[row * kv_heads // each] for row in range(each)]
    begins = [0]
    for row in rows:
        begins.append(begins[-1] + len(row))
    stretches = torch.tensor([stretch for row in rows for stretch in row], dtype=torch.int64)
    of = torch.tensor([*begins, *[first] * each], dtype=torch.int64)
    codings = torch.tensor(forms, dtype=torch.int64)
    call.stretches, call.forms = stretches.data_ptr(), codings.data_ptr()
    call.stretches_of, call.firsts = of.data_ptr(), of.data_ptr() + len(begins) * of.itemsize
    if visited is not None:
        counts = torch.full((heads,), visited.shape[1]) if visits is None else visits.contiguous()
        visited = visited.contiguous() if visited.numel() else visited.new_zeros(heads, 1)
        call.visited, call.visits = visited.data_ptr(), counts.data_ptr()
        call.visits_room, call.row_heads = visited.shape[1], heads
    return _called(call, query, kv_heads, value_dim, scale, softcap)


def _run(
    call: _Call,
    query: Tensor,
    kv_heads: int,
    value_dim: int,
    rows: Sequence[OpenRow],
    scale: float,
    softcap: float | None,
) -> tuple[Tensor, Tensor]:
    table = torch.tensor([*zip(*rows, strict=True)], dtype=torch.int64)
    _look_at(call, table)
    return _called(call, query, kv_heads, value_dim, scale, softcap)


def _called(
    call: _Call, query: Tensor, kv_heads: int, value_dim: int, scale: float, softcap: float | None
) -> tuple[Tensor, Tensor]:
    query = query if query.stride(-1) == 1 else query.contiguous()
    heads, tokens, _ = query.shape
    out, lse = torch.empty(heads, tokens, value_dim), torch.empty(heads, tokens)
    _ask(call, query, out, lse, kv_heads, scale, softcap)
    library = _library()
    if library is None or library.attend(ctypes.byref(call)):
        raise MemoryError(
            "no memory is left for the attention of new tokens; generate fewer sequences together"
        )
    return out.to(query.dtype), lse


def _look_at(call: _Call, table: Tensor) -> None:
    """table: int64 `[8, rows]`, the fields of OpenRow."""
    for name, field in zip(_FIELDS, table, strict=True):
        setattr(call, name, field.data_ptr())


def _ask(
    call: _Call,
    query: Tensor,
    out: Tensor,
    lse: Tensor,
    kv_heads: int,
    scale: float,
    softcap: float | None,
) -> None:
    """query `[heads, tokens, dim]`, and where what attention gives goes."""
    call.scale, call.softcap = scale, softcap or 0.0
    call.query, call.out, call.lse = query.data_ptr(), out.data_ptr(), lse.data_ptr()
    call.query_head, call.query_row, _ = query.stride()
    (call.heads, call.tokens, call.dim), call.value_dim = query.shape, out.shape[-1]
    call.kv_heads, call.bf16, call.threads = kv_heads, query.dtype is torch.bfloat16, torch.get_num_threads()


@cache
def _library() -> ctypes.CDLL | None:
    return building.library("decoding.cpp")
