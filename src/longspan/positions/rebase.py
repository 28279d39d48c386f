"""Another rotary base."""

from __future__ import annotations

import torch

from longspan.positions.base import Rope


def rebase(rope: Rope, base: float) -> Rope:
    """The rotation with b' in place of its base b: θ_j · (b'/b)^(−2j/r).

    For a model whose config leaves its frequencies as they are, these are b'^(−2j/r); where a config scales them,
    the scaling stays.
    """
    pairs = len(rope.inv_freq)
    exponent = torch.arange(pairs, device=rope.inv_freq.device) / max(pairs, 1)
    return rope.with_(inv_freq=rope.inv_freq * (base / rope.theta) ** -exponent, theta=float(base))
