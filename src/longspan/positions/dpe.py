"""DPE: Self-Extend with a factor of its own for each group of channels."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from longspan.parameters import check_range
from longspan.positions.base import Piece, Positions, Rope, unchanged
from longspan.registry import Card

GROUPS = 8
"""Groups of channel pairs that effective lengths are measured for."""

PROFILE = "dimension-groups"
"""The name of the profile: effective lengths in tokens, `[GROUPS]`."""


CARD = Card(
    name="dpe",
    target="longspan.positions.dpe:DPE",
    paper="Effective Length Extrapolation via Dimension-Wise Positional Embeddings Manipulation",
    link="https://arxiv.org/abs/2504.18857",
    year=2025,
    training=False,
    changes="Counts far distances in groups, of a size of its own for each eighth of the channel pairs.",
    field=(71,),
    missing="The optional restriction to the strongest channels; effective lengths found by needles.",
)


@dataclass(frozen=True, kw_only=True)
class DPE(Positions):
    """Two pieces, no training. https://arxiv.org/abs/2504.18857

    The channel pairs, from the fastest to the slowest, are divided into equal groups. At distances below W: normal.
    Beyond, in a group with scale s: the query stands at ⌊i/s⌋ + W − ⌊W/s⌋, the key at ⌊j/s⌋. The two pieces rotate
    keys differently, so keys are stored raw and rotated when they are read.

    A group's effective length is the farthest distance up to which the model uses this group well: some extrapolate
    far beyond the trained window, others fail within it. Its scale is the length of the text over it, rounded up.
    The authors publish scales for four models; for Llama-3-8B and 128k tokens [2,8,2,8,32,32,32,4].

    Here they are measured of the model at hand where none are given (`profiles/dimension_groups.py`, which says how
    that differs from the authors' way). With `lengths` or what was measured, scales grow with the text.

    The restriction to the channels that contribute most, which the authors' code can do and does not by default, is
    left out: it gives each head positions of its own.
    """

    piece_count: ClassVar[int] = 2

    scales: tuple[int, ...] | None = None
    """One for each group, from the fastest to the slowest; None takes them from the lengths and the text, and what
    is to be generated, when reading begins.
    """
    lengths: tuple[int, ...] | None = None
    """Effective length of each group, in tokens; None takes those measured of the model where scales are None."""
    neighbour: int = 1024
    """W, the distance up to which positions are the true ones."""

    def __post_init__(self) -> None:
        for name, values in (("scales", self.scales), ("lengths", self.lengths)):
            if values is not None and not values:
                raise ValueError(f"{name}=() is empty; give one number for each group")
            for value in values or ():
                check_range(name, value, 1)
        check_range("neighbour", self.neighbour, 1)

    @property
    def profile(self) -> str:
        """The profile that `measured` asks for; "" where scales or lengths were given."""
        return PROFILE if self.scales is None and self.lengths is None else ""

    def measured(self, profile: Callable[[str], Tensor]) -> DPE:
        """With the lengths that were measured of the model, unless scales or lengths were given."""
        if not self.profile:
            return self
        return replace(self, lengths=tuple(int(length) for length in profile(self.profile)))

    def fitted(self, length: int, trained: int) -> DPE:
        """With the scales that the length needs, unless they were given. ValueError where no lengths are known."""
        if self.scales is not None:
            return self
        if self.lengths is None:
            raise ValueError(
                "scales and lengths are None; give either, or call measured(profile) before fitted(length, trained)"
            )
        return replace(self, scales=tuple(math.ceil(length / own) for own in self.lengths))

    def pieces(self, queries: Tensor, rope: Rope) -> list[Piece]:
        """The neighbours, then the groups."""
        if self.scales is None:
            raise ValueError("scales are None; call fitted(length, trained) first")
        scale = by_pair(self.scales, len(rope.inv_freq), queries.device)
        near = (queries - self.neighbour + 1).clamp(min=0)
        return [
            Piece(queries, unchanged, near, queries + 1),
            Piece(
                queries[:, None] // scale + self.neighbour - self.neighbour // scale,
                lambda positions: positions[..., None] // scale,
                torch.zeros_like(queries),
                near,
            ),
        ]

    def key_map(self, rope: Rope) -> None:
        """None: the pieces rotate keys by j and by ⌊j/s⌋."""
        return

    def window(self, trained: int) -> int | None:
        """(L − W + ⌊W/s⌋) · s for the largest scale s, where no group is within the trained window any more.

        None where scales follow from lengths. W must be smaller than L.
        """
        if self.neighbour >= trained:
            raise ValueError(
                f"neighbour={self.neighbour} is outside 1 .. {trained - 1}, the trained window minus one"
            )
        if self.scales is None or self.lengths is not None:
            return None
        scale = max(self.scales)
        return (trained - self.neighbour + self.neighbour // scale) * scale


def by_pair(values: tuple[int, ...], pairs: int, device: torch.device) -> Tensor:
    """The value of each channel pair, given one for each group, int64 `[pairs]`."""
    group = torch.arange(pairs, device=device) * len(values) // max(pairs, 1)
    return torch.tensor(values, device=device)[group]
