"""Which layers the parts of a plan act in."""

from __future__ import annotations

from longspan.plan import Plan
from longspan.seam import Seam


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
