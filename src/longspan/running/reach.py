"""Which layers of a model the parts of a plan act in."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from longspan import parts
from longspan.errors import PlanError
from longspan.plan import Plan
from longspan.positions.base import Positions, Rope
from longspan.positions.stock import Stock
from longspan.seam.seam import Seam

_QUERIES = 4


def windows_under(plan: Plan, seam: Seam, reach: int | None) -> list[int | None]:
    """The window of each layer for a session that reads at most `reach` tokens; None where it sees everything.

    A window that nothing to be read exceeds is none, and so is one that the model never exceeded in training, where the
    plan has positions of its own that stretch what was trained.
    """
    windows: list[int | None] = []
    for window in seam.windows:
        never = window is not None and reach is not None and reach <= window
        untrained = window is not None and window >= seam.window and plan.positions is not None
        windows.append(None if never or untrained else window)
    return windows


def reached(plan: Plan, scheme: Positions, seam: Seam, windows: Sequence[int | None]) -> dict[str, int]:
    """In how many layers each part of a plan acts, by slot. scheme: its positions, measured.

    Layers with a window are left to the model by every part but a codec that encodes each entry at once. Positions act
    in layers that rotate, and in others if they hide keys or scale queries.
    """
    full = [number for number, window in enumerate(windows) if window is None]
    found = {}
    for slot, part in plan.parts.items():
        if slot == "positions":
            found[slot] = sum(_placed(scheme, seam, number) for number in full)
        elif slot == "codec" and part.form().at_once:
            found[slot] = len(windows)
        elif slot == "selector":
            found[slot] = sum(not part.skips(number, len(windows)) for number in full)
        elif slot in ("pattern", "policy", "codec"):
            found[slot] = len(full)
    return found


def check_reached(plan: Plan, found: dict[str, int], windows: Sequence[int | None]) -> None:
    """Raises PlanError for the first part that acts in no layer, with the reason."""
    for slot, count in found.items():
        part = getattr(plan, slot)
        if count or isinstance(part, Stock):
            continue
        narrow = [window for window in windows if window is not None]
        if not windows:
            why = "all its layers are recurrent, and plans act in those with attention; leave the part out"
        elif len(narrow) == len(windows):
            why = (
                f"all {len(windows)} have a sliding window of {max(narrow):,} tokens or less, which plans leave as it "
                f"is; leave the part out, or open the session with window={min(narrow)} or less"
            )
        elif slot == "positions":
            why = "no layer that sees everything rotates its queries and keys; leave the part out"
        else:
            why = "it skips all layers that see everything; leave the part out"
        raise PlanError(f"{slot}={parts.text_of(slot, part)} acts in no layer of this model: {why}")


def check_stretched(plan: Plan, scheme: Positions, seam: Seam) -> None:
    """Raises PlanError for positions that would stretch frequencies which follow the text by themselves."""
    if plan.positions is None or seam.scaling.get("rope_type") != "dynamic":
        return
    fitted = scheme.fitted(2 * seam.window, seam.window)
    for layer in seam.layers:
        if not torch.equal(fitted.rope(layer.rope).inv_freq, layer.rope.inv_freq):
            raise PlanError(
                f"positions={parts.text_of('positions', plan.positions)} would stretch this model's frequencies, which "
                f"follow the length of the text already; leave it out, and open the session with window=..."
            )


def _placed(scheme: Positions, seam: Seam, number: int) -> bool:
    rope: Rope = seam.layers[number].rope
    if rope.channels:
        return True
    start = 8 * seam.window
    queries = torch.arange(start, start + _QUERIES, device=rope.inv_freq.device)
    fitted = scheme.fitted(start + _QUERIES, seam.window)
    seen = torch.zeros_like(queries)
    for piece in fitted.pieces(queries, rope):
        seen += (piece.high - piece.low).clamp(min=0)
    scale = fitted.query_scale(queries, number, rope)
    return bool((seen != queries + 1).any()) or (scale is not None and bool((scale != 1).any()))
