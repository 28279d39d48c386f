"""KIVI: keys quantized channel by channel, values token by token, in two or four bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from longspan.codecs.asymmetric import quantize, quantize_channels, restore, restore_channels
from longspan.codecs.base import Codec
from longspan.kernels.decoding import Coding
from longspan.kernels.packing import pack, unpack
from longspan.parameters import check_choice, check_range
from longspan.registry import Card
from longspan.store.form import Columns, Form, scaled

CARD = Card(
    name="kivi",
    target="longspan.codecs.kivi:Kivi",
    paper="KIVI: A Tuning-Free Asymmetric 2bit Quantization for KV Cache",
    link="https://arxiv.org/abs/2402.02750",
    year=2024,
    training=False,
    changes="Keeps keys in two or four bits per channel, values per token, and recent entries as they are.",
    missing="A text longer than a chunk is read with earlier chunks as they are stored, where the authors read it "
    "with exact ones.",
)


@dataclass(frozen=True, kw_only=True)
class Kivi(Codec):
    """KIVI: a tuning-free asymmetric 2-bit quantization of keys and values. https://arxiv.org/abs/2402.02750

    Where a text is read in chunks, a chunk attends to earlier ones as they are stored; the paper quantizes once the
    prompt has been read, which is a chunk as long as the prompt.

    A key or value takes bits / 8 + 4 / group_size bytes a channel: 0.375 in two bits, 0.625 in four, 2 in bf16.
    Where a policy drops entries, those that stay are decoded and encoded in new groups, so that a policy with
    when=chunk rounds them again and again. Scales and zero points are fp16, so numbers beyond ±65504 are cut off.

    Deviations: the authors encode the keys of residual_length tokens at a time, so that 0 .. 127 recent keys are
    exact, and all values but the last 128; here keys and values leave the recent window together, a group at a time,
    so that at least residual_length are exact. The integers of an entry are packed along its channels.
    The defaults are the paper's.
    """

    bits: Literal[2, 4] = 2
    """Bits of a number, 2 or 4."""
    group_size: int = 32
    """Tokens that share a scale and a zero point in each channel of the keys, and channels that share them in each
    token's value; where it does not divide the head's channels, the largest divisor below.
    """
    residual_length: int = 128
    """Last entries that stay as the model made them."""

    def __post_init__(self) -> None:
        check_choice("bits", self.bits, (2, 4))
        check_range("group_size", self.group_size, 1)
        check_range("residual_length", self.residual_length, 0)

    def form(self) -> Form:
        """Group by group."""
        return ChannelsAndTokens(self.bits, self.group_size, self.residual_length)


class ChannelsAndTokens(Form):
    """Packed integers `[heads, n, dim · bits / 8]`, and twice fp16 for scale and zero point.

    Of keys `[heads, n / block, dim]`, of values `[heads, n, groups]`.
    """

    def __init__(self, bits: int, group_size: int, recent: int) -> None:
        self.block, self.recent = group_size, recent
        self._bits = bits

    def encode(self, keys: Tensor, values: Tensor, rows: Tensor) -> tuple[Columns, Columns]:
        """Keys in groups of tokens, values in groups of channels."""
        numbers, scale, zero = quantize(keys.unflatten(1, (-1, self.block)), self._bits, 2)
        key_columns = (pack(numbers.flatten(1, 2), self._bits), scale[:, :, 0], zero[:, :, 0])
        numbers, scale, zero = quantize_channels(values, self._bits, self.block)
        return key_columns, (pack(numbers, self._bits), scale, zero)

    def keys(self, columns: Columns, rows: Tensor, dtype: torch.dtype) -> Tensor:
        """Integers times the scale of their channel and group, plus its zero point."""
        packed, scale, zero = columns
        numbers = unpack(packed, self._bits).unflatten(1, (scale.shape[1], -1))
        return restore(numbers, scale[:, :, None], zero[:, :, None], dtype).flatten(1, 2)

    def values(self, columns: Columns, rows: Tensor, dtype: torch.dtype) -> Tensor:
        """Integers times the scale of their token and group of channels, plus its zero point."""
        packed, scale, zero = columns
        return restore_channels(unpack(packed, self._bits), scale, zero, dtype)

    def coding(self, columns: Columns) -> Coding:
        """Keys by channel and block, values by token."""
        return scaled(columns, self._bits)
