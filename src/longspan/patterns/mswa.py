"""MSWA: windows of many sizes, over the heads of a layer and over layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from longspan.kernels.block_index import BlockIndex
from longspan.parameters import check_range
from longspan.patterns.base import Pattern, PatternView
from longspan.patterns.choosing import own_blocks, visits_of
from longspan.registry import Card

_SCALES = (0.25, 0.5, 1.0, 2.0)
"""Of the windows of the four groups of layers, and within each layer of the four groups of heads."""


CARD = Card(
    name="mswa",
    target="longspan.patterns.mswa:MSWA",
    paper="MSWA: Refining Local Attention with Multi-Scale Window Attention",
    link="https://arxiv.org/abs/2501.01039",
    year=2025,
    training=True,
    changes="While reading, every head has its own window, from a sixteenth to four times the base.",
    field=(200,),
)


@dataclass(frozen=True, kw_only=True)
class MSWA(Pattern):
    """Multi-scale window attention, in place of one window for all. https://arxiv.org/abs/2501.01039

    Both are rounded up to whole blocks of `block` tokens, besides a query's own block; the paper's are exact to the
    token.

    The paper trains models with these windows, or fine-tunes them; 2,048 is no value of the paper's. Models that were
    not trained so need sinks, and do not retrieve what lies out of their windows.
    """

    pieces: ClassVar[bool] = True

    window: int = 2048
    """The base w. Layers, from the first to the last, fall into four groups with w/4, w/2, w and 2w, and the heads
    of each layer into four groups with a quarter, a half, one and two times the window of their layer: 225/256
    of what one window w for all would cost.
    """
    sinks: int = 0
    """First tokens that every query sees, of which the paper has none."""
    block: int = 64
    """Tokens of a block of queries, and of keys."""

    def __post_init__(self) -> None:
        check_range("window", self.window, 16)
        check_range("sinks", self.sinks, 0)
        check_range("block", self.block, 16, 4096)

    def windows(self, layer: int, layers: int, heads: int) -> list[int]:
        """The window of each head of a layer, in tokens."""
        own = self.window * _SCALES[layer * len(_SCALES) // layers]
        return [int(own * _SCALES[head * len(_SCALES) // heads]) for head in range(heads)]

    def index(self, view: PatternView) -> BlockIndex:
        """Recent blocks as many as a head's window has, and those of the sinks."""
        own = own_blocks(view, self.block)
        windows = torch.tensor(
            self.windows(view.scene.layer, view.scene.layers, len(view.query)), device=own.device
        )
        blocks = torch.arange(int(own[-1]), device=own.device)
        back = own[:, None] - blocks
        recent = back <= -(-windows // self.block)[:, None, None]
        chosen = (recent | (blocks < -(-self.sinks // self.block))) & (back > 0)
        return BlockIndex(block=self.block, first=view.start // self.block, visits=visits_of(chosen))
