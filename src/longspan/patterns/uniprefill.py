"""UniPrefill: blocks of tokens that the last queries hardly look at are left out by all later layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from longspan.kernels.blocks import BlockIndex
from longspan.parameters import check_range
from longspan.patterns.base import Pattern, Reading
from longspan.patterns.choosing import causal_blocks, covering, own_blocks, visits_of

# What the layers of a pass tell each other: the last layer that chose, and which blocks are left, bool [key_blocks].
_NOTE = "uniprefill"

# Weights looked at together, in elements; bounds what a reading computes at a time.
_WEIGHTS = 1 << 23


@dataclass(frozen=True, kw_only=True)
class UniPrefill(Pattern):
    """Token blocks dropped from layer to layer, the same for all heads. https://arxiv.org/abs/2605.06221

    Some layers choose: the attention of the last queries, summed over heads, is added up over blocks of tokens, and
    the fewest blocks that hold `share` of it stay, besides the first tokens and the last queries. All later layers
    visit only what stays, and the next choice is made among it.

    first, every: layers count from 0; the first layer that chooses is `first` or the next one that the pattern is
    asked about, and then each that is at least `every` layers after the last. share: of the attention. sinks, last:
    first tokens that stay, and last queries, which stay too; in a text no longer than both nothing is dropped. block:
    tokens per block. The defaults are those of the authors' code for Llama-3.1-8B, which has 32 layers and chooses in
    7, 11, 15, 19, 23 and 27; for Gemma 3 it has a share of 0.975 and chooses in 29, 35 and 41.

    Deviations. In the paper dropped tokens leave the model: their feed-forward layers and queries are saved as well,
    and later layers hold no entry of theirs. A pattern decides about keys only, so here dropped tokens go on through
    the model, looking at what stays, and only attention is saved; every query sees its own block; and what is
    generated afterwards sees all tokens. "The last queries" are those of each chunk that is read, and each chunk
    chooses anew among all tokens so far. First tokens and last queries stay as whole blocks.
    """

    pieces: ClassVar[bool] = True

    share: float = 0.99
    first: int = 7
    every: int = 4
    sinks: int = 128
    last: int = 128
    block: int = 64

    def __post_init__(self) -> None:
        check_range("share", self.share, 0.0, 1.0)
        check_range("first", self.first, 0)
        check_range("every", self.every, 1)
        check_range("sinks", self.sinks, 0)
        check_range("last", self.last, 1)
        check_range("block", self.block, 16, 4096)

    @property
    def least(self) -> int:
        """One block."""
        return self.block

    def index(self, reading: Reading) -> BlockIndex:
        """The blocks that earlier layers left, the same for all heads."""
        own = own_blocks(reading, self.block)
        left = torch.ones(int(own[-1]) + 1, dtype=torch.bool, device=own.device)
        chooses = reading.layer >= self.first
        if _NOTE in reading.notes:
            layer, left = reading.notes[_NOTE]
            chooses = reading.layer >= layer + self.every
        if chooses and reading.key.shape[1] > self.sinks + self.last:
            reading.notes[_NOTE] = reading.layer, self._staying(reading, left)
        before = causal_blocks(own, len(left))
        return BlockIndex(block=self.block, first=int(own[0]), visits=visits_of((left & before)[None]))

    def _staying(self, reading: Reading, left: Tensor) -> Tensor:
        """The blocks among those left that stay after this layer, bool `[key_blocks]`."""
        count, keys = reading.query.shape[1], reading.key.shape[1]
        seen = torch.zeros(len(left), device=left.device)
        step = max(1, _WEIGHTS // (len(reading.query) * keys))
        for start in range(max(0, count - self.last), count, step):
            weights = reading.weights(slice(start, min(start + step, count)))
            filled = torch.nn.functional.pad(weights, (0, len(left) * self.block - keys))
            blocks = filled.unflatten(2, (-1, self.block)).sum(-1) * left
            seen += (blocks / blocks.sum(-1, keepdim=True)).sum((0, 1))
        place = torch.arange(len(left), device=left.device) * self.block
        sure = (place < self.sinks) | (place + self.block > keys - self.last)
        return (covering(seen, self.share, left) | sure) & left
