"""Tri-shape: an A-shape whose last queries see everything."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from longspan.parameters import check_range
from longspan.patterns.a_shape import AShape
from longspan.patterns.base import PatternView
from longspan.patterns.choosing import causal_blocks
from longspan.registry import Card

CARD = Card(
    name="tri-shape",
    target="longspan.patterns.tri_shape:TriShape",
    paper="SCBench: A KV Cache-Centric Analysis of Long-Context Methods",
    link="https://arxiv.org/abs/2412.10319",
    year=2024,
    training=False,
    changes="A-shape, and the last queries of what is read together see everything.",
)


@dataclass(frozen=True, kw_only=True)
class TriShape(AShape):
    """A-shape, and the last queries attend densely, from SCBench. https://arxiv.org/abs/2412.10319

    The defaults are the authors' (128, 3,968 and 100).

    The authors read a prompt at once, and its last queries are dense. Here a prompt comes in chunks, and no chunk
    knows whether it is the last one: the last queries of every chunk are dense. A prompt that is read as one chunk
    is read as in the paper; otherwise more is seen, never less. At the default chunk of 2,048 tokens the dense
    queries are one or two blocks out of sixteen.
    """

    last: int = 100
    """Queries at the end that see everything, rounded up to whole blocks of `block` tokens."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("last", self.last, 0)

    def _chosen(self, view: PatternView, own: Tensor) -> Tensor:
        chosen = super()._chosen(view, own)
        keys = view.key.shape[1]
        dense = (own * self.block + self.block).clamp(max=keys) > keys - self.last
        return chosen | (causal_blocks(own, chosen.shape[1]) & dense[:, None])
