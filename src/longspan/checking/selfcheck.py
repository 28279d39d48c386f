"""Whether the seam reproduces the model: each layer's attention, near and far, and the logits of a random prompt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from longspan.checking.distance import check_distance
from longspan.checking.layerwise import Trials
from longspan.checking.noise import own_noise
from longspan.loading.packed_modules import rounding
from longspan.loading.reason import reason
from longspan.running.reader import Reader
from longspan.seam.seam import Seam

_CHUNKS = (13, 9, 1, 1)
# Relative to the spread of the stock logits. In low precision two attention kernels of the stock model already
# differ by up to 0.05; a wrong rotation differs by about 1.
_TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-4, torch.float16: 3e-2, torch.bfloat16: 0.15}
# Or so many times as much as the stock model differs from itself, where its numbers are rounded otherwise. What differs
# by more than the last is something else, whatever the noise.
_TIMES, _MAX_TOLERANCE = 2.0, 0.6


@dataclass(frozen=True, kw_only=True)
class SelfCheck:
    """What the seam found out about a model, and how far its logits are from the stock ones.

    difference: ‖ours − stock‖ / ‖stock − mean‖ over a random prompt read in chunks; it must not exceed tolerance.
    In low precision, and where tokens are rounded before products, that is what the model's own noise explains.
    """

    family: str
    layers: int
    attention_layers: int
    recurrent_layers: int
    heads: int
    kv_heads: int
    head_dim: int
    window: int
    sliding_layers: int
    unrotated_layers: int
    rotation: str
    rotated_channels: int
    rope_theta: float
    dtype: str
    kv_bytes_per_token: int
    difference: float
    tolerance: float

    def to_dict(self) -> dict[str, Any]:
        """All fields by name."""
        return asdict(self)


def self_check(seam: Seam) -> SelfCheck:
    """Compares the seam with the stock model, layer by layer, over long distances, and as a whole.

    Raises UnsupportedModel if they differ by more than number formats explain.
    """
    seen = seam.watched()
    if seam.layers:
        check_distance(seam, seen)
    trials = Trials(seam, seen)
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(seam.config.vocab_size, (sum(_CHUNKS),), generator=generator).to(seam.device)
    stock = seam.stock(ids).float()
    seam.refuse_damage(stock)
    try:
        logits = list(_through(seam, trials, ids))
    except (RuntimeError, TypeError, ValueError, AttributeError, LookupError) as error:
        raise seam.unsupported(f"a forward pass through the seam failed: {reason(error)}") from error
    trials.check()
    difference = float((torch.cat(logits) - stock).norm() / (stock - stock.mean()).norm())
    tolerance = _TOLERANCE[seam.dtype]
    if not difference <= tolerance and (seam.dtype.itemsize <= 2 or rounding(seam.network)):
        tolerance = min(
            _MAX_TOLERANCE, max(tolerance, _TIMES * own_noise(seam, seen, ids, stock, difference / _TIMES))
        )
    if not difference <= tolerance:
        or_recurrent = (
            ", or recurrent ones something else when a text comes in pieces" if seam.recurrent else ""
        )
        raise seam.unsupported(
            f"through the seam its logits differ from the stock model's by {difference:.1e} of their spread (allowed "
            f"{tolerance:.0e}), so its layers do something besides rotary attention{or_recurrent}"
        )
    rotating = [layer for layer in seam.layers if layer.rope.channels] or list(seam.layers)
    first = rotating[0] if rotating else None
    return SelfCheck(
        family=seam.family,
        layers=seam.borrowing.layers,
        attention_layers=len(seam.layers),
        recurrent_layers=seam.recurrent,
        heads=first.heads if first else 0,
        kv_heads=first.kv_heads if first else 0,
        head_dim=first.head_dim if first else 0,
        window=seam.window,
        sliding_layers=sum(window is not None and window < seam.window for window in seam.windows),
        unrotated_layers=sum(layer.rope.channels == 0 for layer in seam.layers),
        rotation="interleaved" if first and first.rope.interleaved else "half",
        rotated_channels=first.rope.channels if first else 0,
        rope_theta=first.rope.theta if first else 0.0,
        dtype=str(seam.dtype).removeprefix("torch."),
        kv_bytes_per_token=sum(
            2 * layer.kv_heads * layer.head_dim * seam.dtype.itemsize for layer in seam.layers
        ),
        difference=difference,
        tolerance=tolerance,
    )


def _through(seam: Seam, trials: Trials, ids: Tensor) -> Iterator[Tensor]:
    """The logits `[n, vocab]` of each chunk."""
    with Reader(seam) as reader:
        for part in ids.split(_CHUNKS):
            observer = partial(trials.beside, ids=part)
            yield reader.run(part, range(len(part)), reading=len(part) > 1, observer=observer).float()
            trials.passed(part)
