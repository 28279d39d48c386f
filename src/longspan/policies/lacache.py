"""LaCache as published: first and most recent tokens, thinned by a ladder over the layers."""

from __future__ import annotations

from dataclasses import dataclass, field

from longspan.policies.allocators.base import Allocator
from longspan.policies.allocators.ladder import Ladder
from longspan.policies.streamingllm import StreamingLLM


@dataclass(frozen=True, kw_only=True)
class LaCache(StreamingLLM):
    """StreamingLLM whose allocator is a ladder. https://arxiv.org/abs/2507.14204

    when="chunk" compacts again whenever a further chunk was read or generated, what has been compacted before
    too: the paper's iterative compaction. Of sinks the authors keep 4 in their language modelling and 128 in their
    LongBench runs. They also number positions by place in the cache; here entries keep their true positions.
    """

    allocator: Allocator = field(default_factory=Ladder, metadata={"room": "allocator"})
