"""PyramidKV as published: SnapKV's scores, with more room in the lower layers."""

from __future__ import annotations

from dataclasses import dataclass, field

from longspan.policies.allocators.base import Allocator
from longspan.policies.allocators.pyramid import Pyramid
from longspan.policies.snapkv import SnapKV


@dataclass(frozen=True, kw_only=True)
class PyramidKV(SnapKV):
    """SnapKV whose allocator is a pyramid over the layers. https://arxiv.org/abs/2406.02069

    The defaults are those of kvpress. The authors' are window=8, allocator=pyramid(base=8).
    """

    allocator: Allocator = field(default_factory=Pyramid, metadata={"room": "allocator"})
