"""A-shape: the first tokens and a window of recent ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from longspan.kernels.block_index import BlockIndex
from longspan.parameters import check_range
from longspan.patterns.base import Pattern, PatternView
from longspan.patterns.choosing import own_blocks, visits_of
from longspan.registry import Card

CARD = Card(
    name="a-shape",
    target="longspan.patterns.a_shape:AShape",
    paper="MInference 1.0: Accelerating Pre-filling for Long-Context LLMs via Dynamic Sparse Attention",
    link="https://arxiv.org/abs/2407.02490",
    year=2024,
    training=False,
    changes="While reading, every query sees only the first tokens and a window of recent ones.",
)


@dataclass(frozen=True, kw_only=True)
class AShape(Pattern):
    """Attention sinks and a local window, as MInference's static pattern. https://arxiv.org/abs/2407.02490

    Both are rounded up to whole blocks of `block` tokens. The defaults are the authors' (128 and 3,968); their window
    is exact to the token, this one to the block.
    """

    pieces: ClassVar[bool] = True

    sinks: int = 128
    """First tokens that every query sees."""
    window: int = 3968
    """Recent tokens that a query sees besides its own block."""
    block: int = 128
    """Tokens of a block of queries, and of keys."""

    def __post_init__(self) -> None:
        check_range("sinks", self.sinks, 0)
        check_range("window", self.window, 0)
        check_range("block", self.block, 16, 4096)

    def index(self, view: PatternView) -> BlockIndex:
        """The same blocks for every head."""
        chosen = self._chosen(view, own_blocks(view, self.block))
        return BlockIndex(block=self.block, first=view.start // self.block, visits=visits_of(chosen[None]))

    def _chosen(self, view: PatternView, own: Tensor) -> Tensor:
        """Which blocks are visited, bool `[query_blocks, blocks]`; own: numbers of the query blocks."""
        blocks = torch.arange(int(own[-1]), device=own.device)
        back = own[:, None] - blocks
        return ((blocks < -(-self.sinks // self.block)) | (back <= -(-self.window // self.block))) & (
            back > 0
        )
