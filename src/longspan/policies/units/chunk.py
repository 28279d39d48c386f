"""Chunks of equally many tokens."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from longspan.parameters import check_range
from longspan.policies.units.stretch import Stretch
from longspan.policies.view import View
from longspan.registry import Card

CARD = Card(
    name="chunk",
    target="longspan.policies.units.chunk:Chunk",
    paper="ChunkKV: Semantic-Preserving KV Cache Compression for Efficient Long-Context LLM Inference",
    link="https://arxiv.org/abs/2502.00299",
    year=2025,
    training=False,
    changes="Chunks of tokens stay or go as a whole.",
)


@dataclass(frozen=True, kw_only=True)
class Chunk(Stretch):
    """Tokens of a chunk stay or go together, in all heads. https://arxiv.org/abs/2502.00299"""

    size: int = 20
    """Tokens in a chunk. Chunks are counted from the beginning of the text, so that tokens which once were in one
    chunk stay in it; the last one may be incomplete. Budgets are met in whole chunks, and never exceeded; where
    not one fits, the end of the best one stays.
    """

    def __post_init__(self) -> None:
        check_range("size", self.size, 1)

    def number(self, positions: Tensor, view: View) -> Tensor:
        """Position ÷ size."""
        return positions // self.size
