"""More tokens than fit."""

from __future__ import annotations

from longspan.errors import WindowExceeded
from longspan.seam import Seam


def window_exceeded(
    prompt: int, output: int, window: int, seam: Seam, *, streams: bool = False
) -> WindowExceeded:
    """The error for more tokens than the plan's window, with what to do on this model.

    streams: whether the plan's policy keeps only so much of a text that passes.
    """
    sizes = f"prompt {prompt:,} + output {output:,} tokens" if output else f"prompt {prompt:,} tokens"
    factor = -(-(prompt + output) // seam.window)
    scheme = seam.stretching(factor) if factor > 1 else None
    wider = f"window={prompt + output}" if scheme is None else f"positions=..., for example {scheme}"
    if streams:
        wider = "positions=in-cache, by which positions are places in the cache"
    return WindowExceeded(
        f"{sizes} > window {window:,}; raise it with {wider}, or read only the best passages with --flow passages"
    )
