"""MInference: one of three patterns for each head, its blocks and lines estimated from the queries at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from longspan.kernels.block_index import BlockIndex
from longspan.parameters import check_choice, check_range
from longspan.patterns.base import Pattern, PatternView
from longspan.patterns.choosing import (
    causal_blocks,
    columns_of,
    highest,
    own_blocks,
    packed,
    pooled_scores,
    visits_of,
)
from longspan.patterns.lines import line_sums, slash_blocks
from longspan.registry import Card

KINDS = ("a-shape", "vertical-slash", "block-sparse")
"""What a head may be; a profile has their places."""

# Key blocks per query block where lines are drawn with them: a line that lies across blocks fills fewer keys.
_PARTS = 2


class Shape(NamedTuple):
    """What one head is, and how large.

    a-shape: sinks and window, in tokens. vertical-slash: vertical and slash lines. block-sparse: key blocks, and 0.
    """

    kind: str
    first: float
    second: float

    def times(self, ratio: float) -> Shape:
        """The same in another size."""
        return Shape(self.kind, self.first * ratio, self.second * ratio)


CARD = Card(
    name="minference",
    target="longspan.patterns.minference:MInference",
    paper="MInference 1.0: Accelerating Pre-filling for Long-Context LLMs via Dynamic Sparse Attention",
    link="https://arxiv.org/abs/2407.02490",
    year=2024,
    training=False,
    changes="While reading, each head visits the blocks and lines that the last queries attend to most, "
    "in the pattern that suits the head.",
    field=(196,),
)


@dataclass(frozen=True, kw_only=True)
class MInference(Pattern):
    """A-shape, vertical-slash or block-sparse attention, head by head. https://arxiv.org/abs/2407.02490

    Heads that were searched have the sizes of the search instead.
    All defaults are those of the authors' code.

    Deviations. "The last queries" are those of each chunk that is read, so every chunk has lines of its own. A slash
    line fills key blocks of half of `block` tokens at fixed places; the authors' have `block` tokens and begin
    where the line does. A-shaped heads see whole blocks. The authors' code draws an A-shape that its search found as a
    vertical-slash pattern, and a block-sparse one as 1,000 and 6,096 lines; here each is drawn as what it is. Where a
    position scheme has several pieces, no query · key between mean vectors exists: there block-sparse heads have
    `vertical` and `slash` lines.
    """

    pieces: ClassVar[bool] = True

    patterns: str = "search"
    """"search" for what the profile "patterns" found best for each head of the model, or "a-shape",
    "vertical-slash" or "block-sparse" for all heads.
    """
    vertical: int = 1000
    """Vertical lines of a vertical-slash head: keys with the largest weights of the last `last` queries."""
    slash: int = 6096
    """Slash lines of a vertical-slash head: distances with the largest weights of the last `last` queries."""
    sinks: int = 128
    """First tokens that an A-shaped head sees."""
    window: int = 3968
    """Recent tokens that an A-shaped head sees."""
    blocks: int = 100
    """Key blocks that a block-sparse head visits, those with the largest mean query · mean key."""
    ratio: float = 1.0
    """What all sizes are multiplied with."""
    last: int = 64
    """Last queries of a chunk, by whose weights a vertical-slash head finds its lines."""
    sure_vertical: int = 30
    """First keys that come before all other vertical lines; there are never fewer vertical lines."""
    sure_slash: int = 100
    """Nearest distances that come before all other slash lines."""
    min_slash: int = field(default=50, metadata={"formerly": "least_slash"})
    """Slash lines of a vertical-slash head at least."""
    block: int = 64
    """Tokens per query block, and per key block of a block-sparse head."""

    def __post_init__(self) -> None:
        check_choice("patterns", self.patterns, ("search", *KINDS))
        for name in (
            "vertical",
            "slash",
            "sinks",
            "window",
            "blocks",
            "sure_vertical",
            "sure_slash",
            "min_slash",
        ):
            check_range(name, getattr(self, name), 0)
        check_range("ratio", self.ratio, 0)
        check_range("last", self.last, 1)
        check_range("block", self.block, 16, 4096)
        if self.block % _PARTS:
            raise ValueError(f"block={self.block} is outside the multiples of {_PARTS}")

    @property
    def profile(self) -> str:  # type: ignore[override]
        """The searched patterns, unless one was named for all."""
        return "patterns" if self.patterns == "search" else ""

    @property
    def min_queries(self) -> int:
        """One block."""
        return self.block

    def index(self, view: PatternView) -> BlockIndex:
        """Blocks and lines of each head."""
        return Estimate(self, view).index([shape.times(self.ratio) for shape in self._shapes(view)])

    def shape(self, kind: str) -> Shape:
        """A head of this kind in the sizes that were given."""
        sizes = {
            "a-shape": (self.sinks, self.window),
            "vertical-slash": (self.vertical, self.slash),
            "block-sparse": (self.blocks, 0),
        }
        return Shape(kind, *sizes[kind])

    def _shapes(self, view: PatternView) -> list[Shape]:
        heads = len(view.query)
        if self.patterns == "search":
            found = view.scene.profile("patterns")[view.scene.layer, :heads].tolist()
            shapes = [Shape(KINDS[int(kind)], first, second) for kind, first, second in found]
        else:
            shapes = [self.shape(self.patterns)] * heads
        if view.pieces > 1:
            lines = self.shape("vertical-slash")
            shapes = [lines if shape.kind == "block-sparse" else shape for shape in shapes]
        return shapes


class Estimate:
    """What one view tells of its lines and blocks, each looked at when it is first needed."""

    def __init__(self, pattern: MInference, view: PatternView) -> None:
        self._pattern, self._view = pattern, view
        self._own = own_blocks(view, pattern.block)

    def index(self, shapes: Sequence[Shape]) -> BlockIndex:
        """For heads of these shapes."""
        own, block = self._own, self._pattern.block
        parts = _PARTS if any(shape.kind == "vertical-slash" for shape in shapes) else 1
        key_blocks = -(-self._view.key.shape[1] * parts // block)
        chosen = torch.zeros(len(shapes), len(own), key_blocks, dtype=torch.bool, device=own.device)
        drawn = None
        for kind in KINDS:
            heads = [head for head, shape in enumerate(shapes) if shape.kind == kind]
            if not heads:
                continue
            first, second = (
                torch.tensor([shapes[head][1:] for head in heads], device=own.device).round().long().T
            )
            if kind == "a-shape":
                chosen[heads] = self._a_shape(first, second, parts)
            elif kind == "block-sparse":
                wide = self._block_sparse(heads, first).repeat_interleave(parts, 2)
                chosen[heads] = wide[..., :key_blocks]
            else:
                keys, distances = self._vertical_slash(heads, first, second)
                chosen[heads] = slash_blocks(distances, own, key_blocks, block, block // parts)
                drawn = keys.new_full((len(shapes), keys.shape[1]), -1)
                drawn[heads] = keys
        return BlockIndex(
            block=block,
            first=int(own[0]),
            visits=visits_of(chosen),
            width=block // parts,
            columns=None if drawn is None else columns_of(drawn, chosen, own, block, block // parts),
        )

    def _a_shape(self, sinks: Tensor, window: Tensor, parts: int) -> Tensor:
        width, own = self._pattern.block // parts, self._own
        blocks = torch.arange(-(-self._view.key.shape[1] // width), device=own.device)
        back = own[:, None] * parts - blocks
        seen = (blocks < -(-sinks // width)[:, None, None]) | (back <= -(-window // width)[:, None, None])
        return seen & (back > 0)

    def _block_sparse(self, heads: list[int], blocks: Tensor) -> Tensor:
        """The own block is one of so many."""
        scores = self._scores[heads]
        allowed = causal_blocks(self._own, scores.shape[2])
        return highest(scores, (blocks - 1).clamp(min=0)[:, None, None], allowed)

    def _vertical_slash(self, heads: list[int], vertical: Tensor, slash: Tensor) -> tuple[Tensor, Tensor]:
        """Keys of vertical lines, ascending, then -1, and which distances are slash lines."""
        by_key, by_distance = (sums[heads] for sums in self._lines)
        anywhere = torch.ones(by_key.shape[1], dtype=torch.bool, device=by_key.device)
        lines = highest(by_key, vertical.clamp(min=self._pattern.sure_vertical)[:, None], anywhere)
        distances = highest(by_distance, slash.clamp(min=self._pattern.min_slash)[:, None], anywhere)
        return packed(torch.arange(len(anywhere), device=lines.device), lines), distances

    @cached_property
    def _lines(self) -> tuple[Tensor, Tensor]:
        vertical, slash = line_sums(self._view, self._pattern.last)
        vertical[:, : self._pattern.sure_vertical] = torch.inf
        slash[:, : self._pattern.sure_slash] = torch.inf
        return vertical, slash

    @cached_property
    def _scores(self) -> Tensor:
        return pooled_scores(self._view, self._pattern.block)
