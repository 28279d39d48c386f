"""Asymmetric quantization: small integers between the smallest and the largest number of a group."""

from __future__ import annotations

import torch
from torch import Tensor

_SMALLEST, _LARGEST = 6e-8, 65504.0  # of fp16


def quantize(x: Tensor, bits: int, axis: int) -> tuple[Tensor, Tensor, Tensor]:
    """Integers, scale and zero point with x ≈ integers · scale + zero; all numbers along `axis` share the last two.

    Returns uint8 of x's shape, and twice fp16 with length 1 along the axis. The zero point is the smallest number,
    the scale (largest − smallest) / (2^bits − 1); integers are chosen after both were rounded to fp16.
    """
    wide, levels = x.float(), (1 << bits) - 1
    low, high = wide.aminmax(dim=axis, keepdim=True)
    zero = low.clamp(-_LARGEST, _LARGEST).half()
    scale = ((high - zero.float()) / levels).clamp(_SMALLEST, _LARGEST).half()
    numbers = ((wide - zero.float()) / scale.float()).round_().clamp_(0, levels)
    return numbers.to(torch.uint8), scale, zero


def restore(numbers: Tensor, scale: Tensor, zero: Tensor, dtype: torch.dtype) -> Tensor:
    """Integers · scale + zero, computed in `dtype`."""
    return numbers.to(dtype).mul_(scale.to(dtype)).add_(zero.to(dtype))


def quantize_channels(x: Tensor, bits: int, group_size: int) -> tuple[Tensor, Tensor, Tensor]:
    """As `quantize` for vectors `[..., dim]` cut into groups of channels; scale and zero point `[..., groups]`.

    A group has group_size channels, or, where that does not divide dim, as many as the largest divisor of dim below.
    """
    dim = x.shape[-1]
    width = next(width for width in range(min(group_size, dim), 0, -1) if dim % width == 0)
    numbers, scale, zero = quantize(x.unflatten(-1, (-1, width)), bits, -1)
    return numbers.flatten(-2), scale[..., 0], zero[..., 0]


def restore_channels(numbers: Tensor, scale: Tensor, zero: Tensor, dtype: torch.dtype) -> Tensor:
    """The way back: `[..., dim]`."""
    groups = numbers.unflatten(-1, (scale.shape[-1], -1))
    return restore(groups, scale[..., None], zero[..., None], dtype).flatten(-2)
