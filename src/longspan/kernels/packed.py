"""Products with weights that stay in blocks, those of GGUF files and some of our own, and their plain twin.

Formats: `packed_kinds.h`, kernels: `packed_products.h`. Tokens are rounded to 8 bits, 32 numbers with one scale, which
costs about as much as computing in bf16 does; beside weights that are single numbers (F32, F16, BF16) they are not.
What a token gives does not depend on those beside it, to the bit.

Blocks may be made by anyone: int8 is Q8_0, int4 with a scale for 32 weights Q4_0, with a minimum besides Q4_1. What
GPTQ and AWQ keep, four bits less a whole zero times a scale, is `Zeroed` without loss; the fp16 minima of Q4_1 would
round it.
"""

from __future__ import annotations

import ctypes
from enum import IntEnum
from functools import cache
from typing import TypeAlias

import gguf
import torch
from gguf import GGMLQuantizationType
from torch import Tensor
from torch.nn.functional import pad

from longspan.kernels import building

GROUP = 32
"""Numbers of a token that are rounded with one scale."""


class Zeroed(IntEnum):
    """Four bits less a zero, 0 to 255, times an fp32 scale, both for so many weights.

    A block: the scale, the zero as a byte, and for each 32 weights 16 bytes, byte i with weight i in its low and weight
    i + 16 in its high half.
    """

    Z4_32 = 1032
    Z4_64 = 1064
    Z4_128 = 1128


Kind: TypeAlias = GGMLQuantizationType | Zeroed
"""A format of weights."""

EXACT = frozenset(GGMLQuantizationType[name] for name in ("F32", "F16", "BF16"))
"""Formats of single numbers: they can be packed and multiplied too, and tokens are not rounded beside them."""

KINDS: frozenset[Kind] = frozenset(
    {
        *Zeroed,
        *(
            GGMLQuantizationType[name]
            for name in (
                *("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"),
                *("IQ4_NL", "IQ4_XS", "MXFP4", "NVFP4", "TQ1_0", "TQ2_0"),
            )
        ),
    }
)
"""Formats of blocks that there are products for."""


def size(kind: Kind) -> tuple[int, int]:
    """Weights and bytes of a block."""
    if isinstance(kind, Zeroed):
        count = kind - 1000
        return count, 5 + count // 2
    found: tuple[int, int] = gguf.GGML_QUANT_SIZES[kind]
    return found


def suits(kind: Kind, columns: int) -> bool:
    """Whether there are products for rows of so many weights in blocks of a format, on this machine."""
    return kind in KINDS and columns % size(kind)[0] == 0 and _library() is not None


def dequantized(blocks: Tensor, kind: Kind) -> Tensor:
    """Weights fp32 `[rows, columns]` of blocks uint8 `[rows, bytes]`."""
    if not isinstance(kind, Zeroed):
        return torch.from_numpy(gguf.dequantize(blocks.numpy(), kind))
    count, width = size(kind)
    each = blocks.reshape(-1, width)
    scale = each[:, :4].contiguous().view(torch.float32)
    whole = each[:, 5:].reshape(len(each), count // 32, 16)
    fours = torch.cat((whole & 15, whole >> 4), -1).flatten(1)
    return (scale * (fours.int() - each[:, 4:5].int())).view(len(blocks), -1)


@cache
def rows() -> int:
    """Rows of weights that lie side by side in a panel, as many as this processor takes at once."""
    found: int = _built().panel()
    return found


def packed(blocks: Tensor, kind: Kind, columns: int) -> Tensor:
    """Blocks, uint8 `[rows, bytes]`, with rows side by side in panels; rows of zeros fill up the last.

    A file's blocks or anyone's of the same format; columns: weights in a row.
    """
    missing = -len(blocks) % rows()
    whole = pad(blocks, (0, 0, 0, missing)) if missing else blocks  # which would be copied for nothing
    return _repacked(whole, kind, columns, back=False)


def unpacked(weights: Tensor, kind: Kind, columns: int) -> Tensor:
    """What `packed` was given, filled up."""
    return _repacked(weights, kind, columns, back=True)


def _repacked(given: Tensor, kind: Kind, columns: int, *, back: bool) -> Tensor:
    given = given.contiguous()
    to = torch.empty_like(given)
    move = _built().unpack if back else _built().pack
    if move(int(kind), given.data_ptr(), to.data_ptr(), len(given), columns):
        raise ValueError(f"kind={kind.name} is none of {', '.join(sorted(each.name for each in KINDS))}")
    return to


def product(x: Tensor, weights: Tensor, kind: Kind) -> Tensor:
    """x fp32 `[n, columns]` times the transpose of packed weights: fp32 `[n, rows]`, those that fill up included."""
    count, columns = x.shape
    x = x.contiguous()
    out = torch.empty(count, len(weights))
    failed = _built().product(
        int(kind),
        weights.data_ptr(),
        x.data_ptr(),
        *(count, len(weights), columns, kind in EXACT),
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


def plain_product(x: Tensor, weights: Tensor, kind: Kind) -> Tensor:
    """`product` as its formula reads, in fp64."""
    given = x if kind in EXACT else rounded(x)
    return given.double() @ dequantized(unpacked(weights, kind, x.shape[1]), kind).double().T


def lend(library: ctypes.CDLL) -> None:
    """Gives products to a library that includes `packed.h`."""
    library.lend(ctypes.cast(_built().multiply_rows, ctypes.c_void_p))


@cache
def _library() -> ctypes.CDLL | None:
    library = building.library("packed.cpp")
    if library is not None:
        pointer, number = ctypes.c_void_p, ctypes.c_int64
        for move in (library.pack, library.unpack):
            move.argtypes = [ctypes.c_int, pointer, pointer, number, number]
        library.product.argtypes = [
            *(ctypes.c_int, pointer, pointer, number, number, number),
            *(ctypes.c_int, pointer, number),
        ]
    return library


def _built() -> ctypes.CDLL:
    library = _library()
    if library is None:
        raise RuntimeError(
            "no products with packed weights can be built on this machine, which needs a C++ compiler"
        )
    return library
