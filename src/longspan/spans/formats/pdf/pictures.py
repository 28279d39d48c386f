"""A page as a picture, for OCR."""

from __future__ import annotations

from contextlib import closing
from typing import Any

_DOTS_PER_INCH = 300
_POINTS_PER_INCH = 72
_MAX_DOTS = 40_000_000


def drawn_picture(page: Any) -> bytes:
    """The page in grey at 300 dots an inch, fewer on one that is very large, as a portable grey map (PGM)."""
    with closing(page):
        width, height = page.get_size()
        scale = _DOTS_PER_INCH / _POINTS_PER_INCH
        dots = max(1.0, width * height * scale * scale)
        scale *= min(1.0, (_MAX_DOTS / dots) ** 0.5)
        with closing(page.render(scale=scale, grayscale=True)) as bitmap:
            rows = bitmap.to_numpy()
            grey = rows if rows.ndim == 2 else rows[:, :, 0]
            return b"P5 %d %d 255\n" % (grey.shape[1], grey.shape[0]) + bytes(grey.tobytes())
