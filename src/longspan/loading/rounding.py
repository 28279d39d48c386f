"""Blocks of 8 and 4 bits made of floating weights, without data to calibrate by.

The blocks are ggml's: 32 weights of a row with a scale, and a least value where there is one, in half precision.
https://github.com/ggml-org/ggml
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from gguf import GGMLQuantizationType
from torch import Tensor

from longspan.loading.weights import Form

BLOCK = 32
"""Weights with one scale."""

_AT_ONCE = 2**21
"""Weights that are rounded at a time, which bounds the memory that it takes."""

_WIDTHS = (1.0, 0.9, 0.8)
"""Grids to try, by their width as a part of the one that reaches all weights of a block."""

_FITS = 2
"""How often a grid is fitted to the weights that were rounded to it."""


def kind_of(form: Form, *, outer: bool) -> GGMLQuantizationType:
    """The blocks of a form. outer: of the embedding or the head, which are the most sensitive, and stay at 8 bits."""
    return GGMLQuantizationType.Q8_0 if outer or form == "int8" else GGMLQuantizationType.Q4_1


def rounded(weight: Tensor, kind: GGMLQuantizationType) -> Tensor:
    """Weights `[rows, columns]` as blocks of Q8_0 or Q4_1: uint8 `[rows, bytes]`; columns a multiple of 32."""
    parts = weight.split(max(1, _AT_ONCE // weight.shape[1]))
    make = _MAKERS[kind]
    return torch.cat([make(part.float().unflatten(1, (-1, BLOCK))).flatten(1) for part in parts])


def _q8_0(x: Tensor) -> Tensor:
    """Blocks of x fp32 `[rows, blocks, 32]`: uint8 `[rows, blocks, 34]`. The largest weight is 127 steps."""
    scale = (x.abs().amax(-1, keepdim=True) / 127).half()
    numbers = _steps(x, scale.float()).clamp(-127, 127).to(torch.int8)
    return torch.cat([scale.view(torch.uint8), numbers.view(torch.uint8)], -1)


def _q4_1(x: Tensor) -> Tensor:
    """Blocks of x fp32 `[rows, blocks, 32]`: uint8 `[rows, blocks, 20]`.

    Of some grids of 16 steps, each fitted by least squares to what is rounded to it, the one with the least squared
    error.
    """
    low, high = x.amin(-1, keepdim=True), x.amax(-1, keepdim=True)
    mean = x.mean(-1, keepdim=True)
    best = torch.full_like(mean, torch.inf)
    scale, lowest = torch.zeros_like(mean), mean
    for width in _WIDTHS:
        step = (high - low) * (width / 15)
        start = (high + low) / 2 - 7.5 * step
        for _ in range(_FITS):
            numbers = _steps(x - start, step).clamp_(0, 15)
            middle = numbers.mean(-1, keepdim=True)
            numbers -= middle
            spread = numbers.square().sum(-1, keepdim=True)
            step = (numbers * (x - mean)).sum(-1, keepdim=True) / spread.clamp(min=1e-30)
            start = mean - step * middle
        step, start = step.half().float(), start.half().float()
        numbers = _steps(x - start, step).clamp_(0, 15)
        error = (numbers * step + start - x).square().sum(-1, keepdim=True)
        better = error < best
        best = torch.where(better, error, best)
        scale, lowest = torch.where(better, step, scale), torch.where(better, start, lowest)
    numbers = _steps(x - lowest, scale).clamp_(0, 15).to(torch.uint8)
    nibbles = numbers[..., : BLOCK // 2] | numbers[..., BLOCK // 2 :] << 4
    return torch.cat([scale.half().view(torch.uint8), lowest.half().view(torch.uint8), nibbles], -1)


def _steps(x: Tensor, step: Tensor) -> Tensor:
    """How many steps each number is, rounded; 0 where a step is nothing."""
    return (x / torch.where(step == 0, torch.inf, step)).round_()


_MAKERS: dict[GGMLQuantizationType, Callable[[Tensor], Tensor]] = {
    GGMLQuantizationType.Q8_0: _q8_0,
    GGMLQuantizationType.Q4_1: _q4_1,
}
