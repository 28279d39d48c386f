"""Which tokens a layer lets a query see, read off its mask far beyond what a probe of a few tokens shows."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Visible = Callable[[Tensor, Tensor], Tensor]
"""Whether queries at some positions see keys at some positions; index tensors that broadcast, to bool."""

_EDGE = 3
_FIRST = 24
_SCATTERED = 160


def window_of(visible: Visible, reach: int, device: torch.device) -> int | None:
    """How many tokens a query sees, itself included, by texts of `reach` tokens; None where it sees all before it.

    The farthest query is asked about every key, others about keys near the edges and scattered ones. Raises ValueError
    for a mask that is not causal, or that is more than one window.
    """
    last = torch.tensor([reach - 1], device=device)
    keys = torch.arange(reach, device=device)
    window = int(_seen(visible, last, keys).sum(-1).max())
    if window < 1:
        raise ValueError("a token does not see itself")
    queries = _near([0, _FIRST, window, 2 * window, reach // 3, reach // 2, reach], reach, device)
    generator = torch.Generator().manual_seed(0)
    scattered = torch.randint(reach, (_SCATTERED,), generator=generator).to(device)
    edges = (queries[:, None] - torch.tensor([0, window], device=device)).flatten().tolist()
    near = torch.cat((scattered, _near([0, *edges], reach, device)))
    for query, key in ((last, keys), (queries, near)):
        behind = query[:, None] - key
        expected = (behind >= 0) & (behind < window)
        wrong = (_seen(visible, query, key) != expected).nonzero()
        if len(wrong):
            at, to = int(query[wrong[0, -2]]), int(key[wrong[0, -1]])
            shown = "sees" if not bool(expected[wrong[0, -2], wrong[0, -1]]) else "does not see"
            raise ValueError(f"token {at:,} {shown} token {to:,}, which is neither causal nor one window")
    return None if window == reach else window


def _seen(visible: Visible, queries: Tensor, keys: Tensor) -> Tensor:
    """`[..., queries, keys]`."""
    seen = visible(queries[:, None], keys[None, :])
    return seen.expand(*seen.shape[:-2], len(queries), len(keys))


def _near(places: list[int], reach: int, device: torch.device) -> Tensor:
    """All positions of a text next to some places."""
    near = {place + step for place in places for step in range(-_EDGE, _EDGE + 1)}
    return torch.tensor(sorted(each for each in near if 0 <= each < reach), device=device)
