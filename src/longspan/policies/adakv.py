"""Ada-KV as published: SnapKV's scores, with heads competing for the budget."""

from __future__ import annotations

from dataclasses import dataclass, field

from longspan.policies.allocators.adakv import AdaKV as Adaptive
from longspan.policies.allocators.base import Allocator
from longspan.policies.snapkv import SnapKV
from longspan.registry import Card

CARD = Card(
    name="adakv",
    target="longspan.policies.adakv:AdaKV",
    paper="Ada-KV: Optimizing KV Cache Eviction by Adaptive Budget Allocation for Efficient LLM Inference",
    link="https://arxiv.org/abs/2407.11550",
    year=2024,
    training=False,
    changes="SnapKV's scores, with the heads of a layer competing for its budget.",
)


@dataclass(frozen=True, kw_only=True)
class AdaKV(SnapKV):
    """Ada-SnapKV, https://arxiv.org/abs/2407.11550: SnapKV whose allocator is adaptive over heads.

    The defaults are those of the authors' code: window 32, kernel 7, max pooling, and a floor of 0.2, blended in.
    kvpress: window=64, kernel=5, pooling=avg, allocator=adakv(rule=guard).
    """

    allocator: Allocator = field(default_factory=Adaptive, metadata={"room": "allocator"})
