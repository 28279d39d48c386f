"""PyramidKV as published: SnapKV's scores, with more room in the lower layers."""

from __future__ import annotations

from dataclasses import dataclass, field

from longspan.policies.allocators.base import Allocator
from longspan.policies.allocators.pyramid import Pyramid
from longspan.policies.snapkv import SnapKV
from longspan.registry import Card

CARD = Card(
    name="pyramidkv",
    target="longspan.policies.pyramidkv:PyramidKV",
    paper="PyramidKV: Dynamic KV Cache Compression based on Pyramidal Information Funneling",
    link="https://arxiv.org/abs/2406.02069",
    year=2024,
    training=False,
    changes="SnapKV's scores, with more entries in lower layers.",
)


@dataclass(frozen=True, kw_only=True)
class PyramidKV(SnapKV):
    """SnapKV whose allocator is a pyramid over the layers. https://arxiv.org/abs/2406.02069

    The defaults are those of the authors' runs: window 8, kernel 7, max pooling, and the pyramid of what is left of the
    budget after the window. kvpress: window=64, kernel=5, pooling=avg, allocator=pyramid(base=0).
    """

    window: int = 8
    allocator: Allocator = field(default_factory=Pyramid, metadata={"room": "allocator"})
