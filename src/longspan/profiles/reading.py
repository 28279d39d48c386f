"""What measures of a model read, and which of its layers they look at."""

from __future__ import annotations

from longspan.seam.seam import Seam

LENGTH = 2048
"""Tokens that a measure reads, fewer where the model's window is smaller."""


def full_layers(seam: Seam) -> list[int]:
    """Layers that see everything that the model was trained for."""
    return [index for index, window in enumerate(seam.windows) if window is None or window >= seam.window]
