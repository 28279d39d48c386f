"""ChunkKV as published: SnapKV's scores, kept or dropped by the chunk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from longspan.policies.snapkv import SnapKV
from longspan.policies.units.base import Unit
from longspan.policies.units.chunk import Chunk
from longspan.registry import Card

CARD = Card(
    name="chunkkv",
    target="longspan.policies.chunkkv:ChunkKV",
    paper="ChunkKV: Semantic-Preserving KV Cache Compression for Efficient Long-Context LLM Inference",
    link="https://arxiv.org/abs/2502.00299",
    year=2025,
    training=False,
    changes="SnapKV's scores, by which chunks of tokens stay or go as a whole.",
    missing="The reuse of one layer's choice in the next is left out, as in kvpress.",
)


@dataclass(frozen=True, kw_only=True)
class ChunkKV(SnapKV):
    """SnapKV whose unit is a chunk of 20 tokens. https://arxiv.org/abs/2502.00299

    Every layer makes its own choice: the paper's reuse of one layer's choice in the next is left out, as in kvpress,
    whose window, kernel and pooling these are. Chunks are of the text, also after an eviction.
    """

    window: int = 64
    kernel: int = 5
    pooling: Literal["max", "avg"] = "avg"
    unit: Unit = field(default_factory=Chunk, metadata={"room": "unit"})
