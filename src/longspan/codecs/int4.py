"""Keys and values in four bits, entry by entry."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.codecs.asymmetric import quantize_channels, restore_channels
from longspan.codecs.base import Codec
from longspan.kernels.decoding import Coding
from longspan.kernels.packing import pack, unpack
from longspan.parameters import check_range
from longspan.registry import Card
from longspan.store.form import Columns, Form, scaled

_BITS = 4


CARD = Card(
    name="int4",
    target="longspan.codecs.int4:Int4",
    paper="FlexGen: High-Throughput Generative Inference of Large Language Models with a Single GPU",
    link="https://arxiv.org/abs/2303.06865",
    year=2023,
    training=False,
    changes="Keeps keys and values as four-bit integers with a scale and a zero point per group of channels.",
    missing="A text longer than a chunk is read with earlier chunks as they are stored, where the authors read it "
    "with exact ones.",
)


@dataclass(frozen=True, kw_only=True)
class Int4(Codec):
    """FlexGen's group-wise four-bit cache: each key and value by itself. https://arxiv.org/abs/2303.06865

    An entry takes dim / 2 + 4 · dim / group_size bytes for its key and as many for its value, whatever becomes of
    its neighbours, so that it goes well with policies that drop single entries. Where some channels of the keys are
    much larger than others, `kivi(bits=4)` is more exact at the same size. Numbers beyond ±65504 are cut off.

    Deviations: FlexGen cuts the channels of all heads together into groups, here those of each head; it reads a prompt
    as one, while here a text is read in chunks, of which each attends to the earlier ones as they are stored.
    """

    group_size: int = 64
    """Channels that share a scale and a zero point, both fp16; where it does not divide the head's channels, the
    largest divisor below. The default is the paper's; 32 is more exact.
    """

    def __post_init__(self) -> None:
        check_range("group_size", self.group_size, 1)

    def form(self) -> Form:
        """Entry by entry."""
        return FourBits(self.group_size)


class FourBits(Form):
    """Packed integers `[heads, n, dim / 2]`, fp16 scales and zero points `[heads, n, groups]`."""

    def __init__(self, group_size: int) -> None:
        self._group_size = group_size

    def encode(self, keys: Tensor, values: Tensor, rows: Tensor) -> tuple[Columns, Columns]:
        """Integers, scales and zero points of both."""
        return self._encoded(keys), self._encoded(values)

    def keys(self, columns: Columns, rows: Tensor, dtype: torch.dtype) -> Tensor:
        """Integers times scale plus zero point."""
        packed, scale, zero = columns
        return restore_channels(unpack(packed, _BITS), scale, zero, dtype)

    def values(self, columns: Columns, rows: Tensor, dtype: torch.dtype) -> Tensor:
        """Likewise."""
        return self.keys(columns, rows, dtype)

    def coding(self, columns: Columns) -> Coding:
        """Four bits with a scale and a zero point."""
        return scaled(columns, _BITS)

    def _encoded(self, x: Tensor) -> Columns:
        numbers, scale, zero = quantize_channels(x, _BITS, self._group_size)
        return pack(numbers, _BITS), scale, zero
