"""Small integers, several to a byte."""

from __future__ import annotations

import torch
from torch import Tensor


def pack(numbers: Tensor, bits: int) -> Tensor:
    """Integers 0 .. 2^bits − 1, uint8 `[..., d]`, as bytes `[..., w]`, w = d · bits / 8; bits 2, 4 or 8.

    Byte j holds the integers j, j + w, j + 2w and so on, the first in its lowest bits. Raises ValueError where d
    integers do not fill whole bytes.
    """
    count = numbers.shape[-1]
    if count * bits % 8:
        raise ValueError(
            f"{count} numbers of {bits} bits do not fill whole bytes; take more bits, or a multiple of "
            f"{8 // bits} numbers"
        )
    planes: Tensor = numbers.unflatten(-1, (8 // bits, count * bits // 8))
    packed: Tensor = planes[..., 0, :].clone()
    for place in range(1, 8 // bits):
        packed |= planes[..., place, :] << place * bits
    return packed


def unpack(packed: Tensor, bits: int) -> Tensor:
    """The way back: uint8 `[..., d]`, d = w · 8 / bits."""
    if bits == 8:
        return packed
    low = (1 << bits) - 1
    places = [packed >> place for place in range(0, 8, bits)]
    return torch.cat([*(each & low for each in places[:-1]), places[-1]], -1)
