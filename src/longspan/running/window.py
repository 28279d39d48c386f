"""More tokens than fit."""

from __future__ import annotations

from longspan.errors import WindowExceeded
from longspan.seam.seam import Seam


def window_exceeded(
    prompt: int, output: int, window: int, seam: Seam, *, streams: bool = False
) -> WindowExceeded:
    """The error for more tokens than the plan's window, with what to do on this model.

    streams: whether the plan's policy keeps only so much of a text that passes.
    """
    sizes = f"prompt {prompt:,} + output {output:,} tokens" if output else f"prompt {prompt:,} tokens"
    total = prompt + output
    reaching = seam.reaching(total) if total > seam.window else f"window={total}"
    if streams:
        wider = "raise it with positions=in-cache, by which positions are places in the cache, or "
    elif reaching is None:
        wider = f"no positions are known to reach {total / seam.window:,.0f} times as far as the model was made for: "
    elif reaching.startswith("positions="):
        wider = f"raise it with positions=..., for example {reaching}, or "
    else:
        wider = f"raise it with {reaching}, or "
    return WindowExceeded(
        f"{sizes} > window {window:,}; {wider}read only the best passages with flow=passages"
    )
