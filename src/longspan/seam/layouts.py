"""How a layer turns its queries and keys, found by comparing what it hands over turned and not turned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.kernels.rotation import Table, rotate, table
from longspan.positions.base import Rope

# Rotation by the model itself, some in its own number format, is compared with rotation in fp32.
_TOLERANCE = {torch.float32: 2e-3, torch.float64: 2e-3}
_LOW_PRECISION_TOLERANCE = 0.03
# How far the sines of a pair may be from undoing each other's factor: a rotation keeps lengths, up to a norm's gains.
_PAIRED = 0.1


@dataclass(frozen=True, kw_only=True, eq=False)
class Turned:
    """Queries and keys `[heads, n, dim]` as they are attended to in one layer."""

    query: Tensor
    key: Tensor

    @property
    def both(self) -> tuple[Tensor, Tensor]:
        """Queries and keys."""
        return self.query, self.key


def same(one: Turned, other: Turned) -> bool:
    """Whether nothing was turned."""
    return torch.equal(one.query, other.query) and torch.equal(one.key, other.key)


def matched(raw: Turned, turned: Turned, ropes: Sequence[Rope], positions: Tensor) -> Rope | None:
    """The one of `ropes` that makes `turned` out of `raw`; None where none does."""
    tolerance = _TOLERANCE.get(raw.key.dtype, _LOW_PRECISION_TOLERANCE)
    errors = [max(_apart(raw, turned, rope, positions)) for rope in ropes]
    best = min(range(len(ropes)), key=errors.__getitem__, default=None)
    return ropes[best] if best is not None and errors[best] <= tolerance else None


def skewed(raw: Turned, turned: Turned, ropes: Sequence[Rope], positions: Tensor) -> Rope | None:
    """Likewise for a rotation whose sines have a factor of their own in each channel.

    A norm behind the rotation, with a gain γ for each channel, norms what is handed over unrotated as well, so that for
    channels c and p of a pair cos · x_c keeps its size and sin · x_p has the factor γ_c / γ_p. A rotation the other way
    round has the factor −1.
    """
    for rope in ropes:
        turn = table(positions, rope.inv_freq, magnitude=rope.magnitude, interleaved=rope.interleaved)
        skews = [_skew(mine, theirs, turn) for mine, theirs in zip(raw.both, turned.both, strict=True)]
        pairs = [skew * _partner(skew[None, None], turn)[0, 0] for skew in skews]
        if all(bool(((each - 1).abs() <= _PAIRED).all()) for each in pairs):
            found = rope.with_(query_skew=skews[0], key_skew=skews[1])
            if matched(raw, turned, [found], positions) is not None:
                return found
    return None


def turned_by(rope: Rope, raw: Turned, positions: Tensor) -> Turned:
    """Queries and keys turned in fp32."""
    if rope.channels == 0:
        return Turned(query=raw.query.float(), key=raw.key.float())
    turn = table(positions, rope.inv_freq, magnitude=rope.magnitude, interleaved=rope.interleaved)
    query, key = (
        rotate(each.float(), turn.skewed(skew))
        for each, skew in zip(raw.both, (rope.query_skew, rope.key_skew), strict=True)
    )
    return Turned(query=query, key=key)


def _apart(raw: Turned, turned: Turned, rope: Rope, positions: Tensor) -> list[float]:
    mine = turned_by(rope, raw, positions)
    return [
        float((ours - theirs.float()).abs().max() / theirs.float().abs().max().clamp(min=1e-9))
        for ours, theirs in zip(mine.both, turned.both, strict=True)
    ]


def _skew(raw: Tensor, turned: Tensor, turn: Table) -> Tensor:
    """What each channel's sine has to be multiplied with, by least squares, fp32 `[r]`; 1 where it never turns."""
    width = turn.cos.shape[-1]
    own = raw[..., :width].float()
    sines = _partner(own, turn) * turn.sin
    rest = turned[..., :width].float() - own * turn.cos
    weight = sines.square().sum((0, 1))
    factors = (rest * sines).sum((0, 1)) / weight.clamp(min=1e-12)
    return torch.where(weight > 1e-12, factors, 1.0)


def _partner(x: Tensor, turn: Table) -> Tensor:
    """x `[..., r]` with the channels of each pair exchanged."""
    if turn.interleaved:
        swapped: Tensor = x.unflatten(-1, (-1, 2)).flip(-1).flatten(-2)
        return swapped
    return torch.roll(x, x.shape[-1] // 2, dims=-1)
