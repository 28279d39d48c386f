"""A-shape: the first tokens and a window of recent ones."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from longspan.kernels.blocks import BlockIndex
from longspan.parameters import check_range
from longspan.patterns.base import Pattern, Reading


@dataclass(frozen=True, kw_only=True)
class AShape(Pattern):
    """Attention sinks and a local window, as MInference's static pattern. https://arxiv.org/abs/2407.02490

    sinks: first tokens that every query sees. window: recent tokens that a query sees besides its own block.
    Both are rounded up to whole blocks of `block` tokens. The defaults are the authors' (128 and 3,968); their
    window is exact to the token, this one to the block.
    """

    sinks: int = 128
    window: int = 3968
    block: int = 128

    def __post_init__(self) -> None:
        check_range("sinks", self.sinks, 0)
        check_range("window", self.window, 0)
        check_range("block", self.block, 16, 4096)

    def index(self, reading: Reading) -> BlockIndex:
        """The same blocks for every head."""
        keys, rows = reading.key.shape[1], reading.query.shape[1]
        first, last = (keys - rows) // self.block, (keys - 1) // self.block
        sinks, recent = -(-self.sinks // self.block), -(-self.window // self.block)
        own = torch.arange(first, last + 1, device=reading.key.device)[:, None]
        head = torch.arange(sinks, device=own.device).expand(len(own), -1)
        tail = own - torch.arange(recent, 0, -1, device=own.device)
        head = head.masked_fill(head >= own, -1)
        tail = tail.masked_fill(tail < sinks, -1)
        visits = torch.cat((head, tail), 1)
        # Absent visits stand last, present ones stay ascending.
        order = (visits < 0).to(torch.int8).argsort(dim=1, stable=True)
        return BlockIndex(block=self.block, first=first, visits=visits.gather(1, order)[None])
