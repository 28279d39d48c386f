"""Products with weights that stay in the blocks of a GGUF file, and their plain twin.

Formats and kernels: `packed.h`. Tokens are rounded to 8 bits, 32 numbers with one scale, which costs about as much
as computing in bf16 does. What a token gives does not depend on those beside it, to the bit.
"""

from __future__ import annotations

import ctypes
from functools import cache

import gguf
import torch
from torch import Tensor
from torch.nn.functional import pad

from longspan.kernels import building

GROUP = 32
"""Numbers of a token that are rounded with one scale."""

KINDS = frozenset(
    gguf.GGMLQuantizationType[name] for name in ("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q6_K")
)
"""Formats of weights that there are products for."""


def suits(kind: gguf.GGMLQuantizationType, columns: int) -> bool:
    """Whether there are products for rows of so many weights of a format, on this processor."""
    return kind in KINDS and columns % gguf.GGML_QUANT_SIZES[kind][0] == 0 and _library() is not None


@cache
def rows() -> int:
    """Rows of weights that lie side by side in a panel, as many as this processor takes at once."""
    found: int = _built().panel()
    return found


def packed(blocks: Tensor, kind: gguf.GGMLQuantizationType, columns: int) -> Tensor:
    """Blocks, uint8 `[rows, bytes]`, with rows side by side in panels; rows of zeros fill up the last.

    A file's blocks or anyone's of the same format; columns: weights in a row.
    """
    return _repacked(pad(blocks, (0, 0, 0, -len(blocks) % rows())), kind, columns, back=False)


def unpacked(weights: Tensor, kind: gguf.GGMLQuantizationType, columns: int) -> Tensor:
    """What `packed` was given, filled up."""
    return _repacked(weights, kind, columns, back=True)


def _repacked(given: Tensor, kind: gguf.GGMLQuantizationType, columns: int, *, back: bool) -> Tensor:
    given = given.contiguous()
    to = torch.empty_like(given)
    if _built().pack(int(kind), given.data_ptr(), to.data_ptr(), len(given), columns, int(back)):
        raise ValueError(f"kind={kind.name} is none of {', '.join(sorted(each.name for each in KINDS))}")
    return to


def product(x: Tensor, weights: Tensor, kind: gguf.GGMLQuantizationType) -> Tensor:
    """x fp32 `[n, columns]` times the transpose of packed weights: fp32 `[n, rows]`, those that fill up included."""
    count, columns = x.shape
    x = x.contiguous()
    out = torch.empty(count, len(weights))
    failed = _built().product(
        int(kind),
        weights.data_ptr(),
        x.data_ptr(),
        *(count, len(weights), columns),
        out.data_ptr(),
        torch.get_num_threads(),
    )
    if failed:
        raise MemoryError("no memory is left for products with packed weights; read in smaller chunks")
    return out


def rounded(x: Tensor) -> Tensor:
    """Tokens `[n, columns]` as products see them, fp32."""
    groups = x.float().unflatten(-1, (-1, GROUP))
    largest = groups.abs().amax(-1, keepdim=True)
    factor = torch.where(largest > 1e-36, 127 / largest, 0)
    found: Tensor = ((groups * factor).round() * (largest / 127)).flatten(-2)
    return found


def plain_product(x: Tensor, weights: Tensor, kind: gguf.GGMLQuantizationType) -> Tensor:
    """`product` as its formula reads, in fp64."""
    blocks = unpacked(weights, kind, x.shape[1]).numpy()
    return rounded(x).double() @ torch.from_numpy(gguf.dequantize(blocks, kind)).double().T


@cache
def _library() -> ctypes.CDLL | None:
    library = building.library("packed.cpp")
    if library is not None:
        pointer, number = ctypes.c_void_p, ctypes.c_int64
        library.pack.argtypes = [ctypes.c_int, pointer, pointer, number, number, ctypes.c_int]
        library.product.argtypes = [ctypes.c_int, pointer, pointer, number, number, number, pointer, number]
    return library


def _built() -> ctypes.CDLL:
    library = _library()
    if library is None:
        raise RuntimeError(
            "no products with packed weights can be built on this machine, which needs a C++ compiler"
        )
    return library
