"""Ada-KV as published: SnapKV's scores, with heads competing for the budget."""

from __future__ import annotations

from dataclasses import dataclass, field

from longspan.policies.allocators.adakv import AdaKV as Adaptive
from longspan.policies.allocators.base import Allocator
from longspan.policies.snapkv import SnapKV


@dataclass(frozen=True, kw_only=True)
class AdaKV(SnapKV):
    """Ada-SnapKV, https://arxiv.org/abs/2407.11550: SnapKV whose allocator is adaptive over heads."""

    allocator: Allocator = field(default_factory=Adaptive, metadata={"room": "allocator"})
