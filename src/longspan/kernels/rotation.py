"""Rotary position embedding as one table and one multiply-add, in fp32.

Both pairings of channels in use are covered: *half* rotates channel c with c + r/2 (Llama), *interleaved*
rotates channel 2c with 2c + 1 (GLM, Cohere). RoFormer, https://arxiv.org/abs/2104.09864; that the rotation
must be done in fp32: https://arxiv.org/abs/2411.13476.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from longspan.kernels import fused

_FAR = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Table:
    """Cosines and signed sines for some positions.

    cos, sin: fp32 `[..., n, r]`, r = the number of rotated channels, the sign of the sine already in place.
    """

    cos: Tensor
    sin: Tensor
    interleaved: bool

    def skewed(self, factors: Tensor | None) -> Table:
        """With the sine of each channel multiplied by a factor of its own, `[r]`; itself for None."""
        return self if factors is None else replace(self, sin=self.sin * factors)


def table(
    positions: Tensor,
    inv_freq: Tensor,
    *,
    magnitude: float = 1.0,
    interleaved: bool = False,
    by_pair: bool = False,
) -> Table:
    """The rotation of each position. positions `[..., n]`, or by_pair `[..., n, r/2]`; inv_freq `[r/2]`.

    Angles are fp32 as those of `transformers`, and fp64 where a position is 2²⁰ or more: there fp32 would be off by
    0.05 rad and more, and from 2²⁴ on neighbours would share a position.
    """
    each = positions if by_pair else positions[..., None]
    if positions.numel() and bool(positions.max() >= _FAR):
        exact = each.to("cpu", torch.float64) * inv_freq.to("cpu", torch.float64)
        cos, sin = (
            turn.to(inv_freq.device, torch.float32) * magnitude for turn in (exact.cos(), exact.sin())
        )
    else:
        angles = each.float() * inv_freq
        cos, sin = angles.cos() * magnitude, angles.sin() * magnitude
    if interleaved:
        return Table(
            cos=cos.repeat_interleave(2, dim=-1),
            sin=torch.stack((-sin, sin), dim=-1).flatten(-2),
            interleaved=True,
        )
    return Table(cos=torch.cat((cos, cos), dim=-1), sin=torch.cat((-sin, sin), dim=-1), interleaved=False)


def rotate(x: Tensor, turn: Table) -> Tensor:
    """x `[heads, n, head_dim]` with its first r channels rotated; same dtype, a new tensor."""
    if fused.suits(x):
        return fused.rotate(x, turn.cos, turn.sin, interleaved=turn.interleaved)
    rotated = turn.cos.shape[-1]
    # Converted at once: products of two number formats are several times slower.
    head = (x if rotated == x.shape[-1] else x[..., :rotated]).float()
    if turn.interleaved:
        partner = head.unflatten(-1, (-1, 2)).flip(-1).flatten(-2)
    else:
        partner = torch.roll(head, rotated // 2, dims=-1)
    result = (head * turn.cos).add_(partner * turn.sin).to(x.dtype)
    return result if rotated == x.shape[-1] else torch.cat((result, x[..., rotated:]), dim=-1)
