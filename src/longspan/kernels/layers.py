"""Layers of a decoder with packed weights, each in two calls: what comes before attention, and what comes after it.

Formulas and kernels: `layers.h`. Numbers between products are fp32, and tokens are rounded to 8 bits before products,
as `kernels.packed` does. What a token gives does not depend on those beside it, to the bit.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from longspan.kernels import building, packed

FORMATS = (torch.float32, torch.bfloat16)
"""Number formats of queries, keys and values."""


class _Matrix(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("weights", "bias")),
        *((name, ctypes.c_int64) for name in ("kind", "rows", "columns")),
    )


class _Norm(ctypes.Structure):
    _fields_ = (("gain", ctypes.c_void_p), ("eps", ctypes.c_double))


_NORMS = ("first", "second", "query", "key")
_MATRICES = ("q", "k", "v", "o", "gate", "up", "down")


class _Layer(ctypes.Structure):
    _fields_ = (
        *((name, _Norm) for name in _NORMS),
        *((name, _Matrix) for name in _MATRICES),
        ("dim", ctypes.c_int64),
        *((name, ctypes.c_double) for name in ("linear", "cubic")),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Norm:
    """x / √(mean x² + eps) · gain. gain: fp32 `[width]`."""

    gain: Tensor
    eps: float

    @property
    def _as_it_is_given(self) -> _Norm:
        return _Norm(self.gain.data_ptr(), self.eps)


@dataclass(frozen=True, kw_only=True, eq=False)
class Matrix:
    """Packed weights, uint8 `[rows, bytes]`, whole panels of them; and a bias, fp32 `[rows]`."""

    weights: Tensor
    kind: packed.Kind
    columns: int
    bias: Tensor | None = None

    @property
    def rows(self) -> int:
        """Rows of weights."""
        return len(self.weights)

    @property
    def _as_it_is_given(self) -> _Matrix:
        bias = None if self.bias is None else self.bias.data_ptr()
        return _Matrix(self.weights.data_ptr(), bias, int(self.kind), self.rows, self.columns)


@dataclass(frozen=True, kw_only=True, eq=False)
class Weights:
    """A layer: norms of the token before attention and before the gated network, of single queries and keys where
    there are some; matrices; dim, of a query's and a key's head; the activation x · σ(linear · x + cubic · x³)."""

    first: Norm
    second: Norm
    query: Norm | None
    key: Norm | None
    q: Matrix
    k: Matrix
    v: Matrix
    o: Matrix
    gate: Matrix
    up: Matrix
    down: Matrix
    dim: int
    activation: tuple[float, float]


class Layer:
    """A layer of a decoder, with which tokens go to attention and come back from it."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights  # holds what the call points to
        linear, cubic = weights.activation
        call = _Layer(dim=weights.dim, linear=linear, cubic=cubic)
        for name in (*_NORMS, *_MATRICES):
            part = getattr(weights, name)
            if part is not None:
                setattr(call, name, part._as_it_is_given)
        self._call, self._address = call, ctypes.byref(call)
        self._rows = weights.q.rows, weights.k.rows, weights.v.rows
        self._value_dim = weights.v.rows // (weights.k.rows // weights.dim)

    @property
    def heads(self) -> tuple[int, int]:
        """Of queries, and of keys and values."""
        return self._rows[0] // self._weights.dim, self._rows[1] // self._weights.dim

    @property
    def dims(self) -> tuple[int, int]:
        """Of a query's and a key's head, and of a value's."""
        return self._weights.dim, self._value_dim

    @property
    def address(self) -> int:
        """Where its call lies."""
        return ctypes.addressof(self._call)

    def before(self, hidden: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values `[heads, n, dim]` in a format of attention. hidden fp32 `[n, width]`, contiguous."""
        count = len(hidden)
        query, key, value = (torch.empty(count, rows, dtype=dtype) for rows in self._rows)
        failed = built().before(
            self._address,
            hidden.data_ptr(),
            count,
            *(query.data_ptr(), key.data_ptr(), value.data_ptr()),
            *(dtype is torch.bfloat16, torch.get_num_threads()),
        )
        check(failed)
        dims = self._weights.dim, self._weights.dim, self._value_dim
        heads = (
            x.view(count, -1, dim).transpose(0, 1) for x, dim in zip((query, key, value), dims, strict=True)
        )
        return tuple(heads)  # type: ignore[return-value]

    def after(self, heads: Tensor, hidden: Tensor) -> None:
        """Takes what attention gave, `[heads, n, dim]`, and goes on to the next layer: `hidden` becomes its input."""
        heads = heads if heads.stride(-1) == 1 else heads.contiguous()
        failed = built().after(
            self._address,
            *(heads.data_ptr(), heads.stride(0), heads.stride(1), heads.dtype is torch.bfloat16),
            *(hidden.data_ptr(), len(hidden), torch.get_num_threads()),
        )
        check(failed)


class Last:
    """The last norm of a decoder, and the matrix that makes logits of tokens. words: rows of it that count."""

    def __init__(self, norm: Norm, matrix: Matrix, words: int) -> None:
        self._held = norm, matrix
        self._norm, self._matrix, self._words = norm._as_it_is_given, matrix._as_it_is_given, words

    def __call__(self, hidden: Tensor) -> Tensor:
        """Logits fp32 `[n, words]`. hidden fp32 `[n, width]`, contiguous."""
        out = torch.empty(len(hidden), self._matrix.rows)
        failed = built().last(
            *(ctypes.byref(self._norm), ctypes.byref(self._matrix), hidden.data_ptr(), len(hidden)),
            *(out.data_ptr(), torch.get_num_threads()),
        )
        check(failed)
        return out[:, : self._words]


def alike(layers: Sequence[Layer]) -> bool:
    """Whether a step can be made of them: heads of the same number and sizes."""
    return len({(each.heads, each.dims) for each in layers}) == 1


def suits(weights: Weights) -> bool:
    """Whether a layer can be made of these weights on this machine: sizes in whole panels."""
    matrices = [getattr(weights, name) for name in _MATRICES]
    sizes = [each.columns for each in matrices] + [each.rows for each in matrices]
    return (
        all(size % packed.GROUP == 0 for size in sizes)
        and all(each.kind in packed.KINDS for each in matrices)
        and weights.dim % packed.rows() == 0
        and _library() is not None
    )


def check(failed: int) -> None:
    """Raises MemoryError for what a call gives where no memory is left."""
    if failed:
        raise MemoryError("no memory is left for a layer's products; read in smaller chunks")


@cache
def _library() -> ctypes.CDLL | None:
    library = building.library("layers.cpp")
    if library is not None:
        packed.lend(library)
        pointer, number = ctypes.c_void_p, ctypes.c_int64
        library.before.argtypes = [pointer, pointer, number, pointer, pointer, pointer, number, number]
        library.after.argtypes = [pointer, pointer, number, number, number, pointer, number, number]
        library.step.argtypes = [pointer]
        library.put.argtypes = [
            pointer,
            number,
            number,
            pointer,
            number,
            number,
            pointer,
            number,
            number,
            number,
        ]
        library.put.restype = None
        library.last.argtypes = [pointer, pointer, pointer, number, pointer, number]
    return library


def built() -> ctypes.CDLL:
    """The compiled functions. Raises RuntimeError where there are none."""
    library = _library()
    if library is None:
        raise RuntimeError("layers cannot be built on this machine, which needs a C++ compiler")
    return library
