"""Keys and values in eight bits."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.codecs.base import Codec
from longspan.kernels.decoding import Coding
from longspan.registry import Card
from longspan.store.form import Columns, Form, scaled

CARD = Card(
    name="int8",
    target="longspan.codecs.int8:Int8",
    paper="LLM.int8(): 8-bit Matrix Multiplication for Transformers at Scale",
    link="https://arxiv.org/abs/2208.07339",
    year=2022,
    training=False,
    changes="Keeps keys and values as eight-bit integers with one scale per entry and head, which later chunks of "
    "a text see.",
)


@dataclass(frozen=True, kw_only=True)
class Int8(Codec):
    """Symmetric eight-bit integers with one fp16 scale per entry and head: dim + 2 bytes instead of 2 · dim.

    Round-to-nearest of x · 127 / max|x|, the scheme of LLM.int8()'s vector-wise quantization,
    https://arxiv.org/abs/2208.07339, applied to each stored key and value vector. The error of a channel is at
    most max|x| / 254 plus the scale's rounding.
    Where a text is read in chunks, a chunk attends to earlier ones as they are stored.
    """

    def form(self) -> Form:
        """Entry by entry."""
        return EightBits()


class EightBits(Form):
    """int8 `[heads, n, dim]` and fp16 scales `[heads, n, 1]`."""

    def encode(self, keys: Tensor, values: Tensor, rows: Tensor) -> tuple[Columns, Columns]:
        """Integers and scales of both."""
        return _encoded(keys), _encoded(values)

    def keys(self, columns: Columns, rows: Tensor, dtype: torch.dtype) -> Tensor:
        """Integers times scale."""
        numbers, scale = columns
        return numbers.float().mul_(scale.float()).to(dtype)

    def values(self, columns: Columns, rows: Tensor, dtype: torch.dtype) -> Tensor:
        """Likewise."""
        return self.keys(columns, rows, dtype)

    def coding(self, columns: Columns) -> Coding:
        """Eight bits with a scale."""
        return scaled(columns, 8)


def _encoded(x: Tensor) -> Columns:
    wide = x.float()
    scale = (wide.abs().amax(-1, keepdim=True) / 127).clamp(6e-8, 65504).half()
    return (wide / scale.float()).round_().clamp_(-127, 127).to(torch.int8), scale
