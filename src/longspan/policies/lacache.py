"""LaCache as published: first and most recent tokens, thinned by a ladder over the layers."""

from __future__ import annotations

from dataclasses import dataclass, field

from longspan.policies.allocators.base import Allocator
from longspan.policies.allocators.ladder import Ladder
from longspan.policies.streamingllm import StreamingLLM
from longspan.registry import Card

CARD = Card(
    name="lacache",
    target="longspan.policies.lacache:LaCache",
    paper="LaCache: Ladder-Shaped KV Caching for Efficient Long-Context Modeling of Large Language Models",
    link="https://arxiv.org/abs/2507.14204",
    year=2025,
    training=False,
    changes="Keeps the first and the most recent tokens, thinned so that layers keep different ones.",
    field=(150,),
)


@dataclass(frozen=True, kw_only=True)
class LaCache(StreamingLLM):
    """StreamingLLM whose allocator is a ladder. https://arxiv.org/abs/2507.14204

    Iterative compaction: after each chunk that is read, and each token that is generated, ladders are laid from where
    the last ones ended, and over all that was kept once they have come to its end. The budget is the authors'
    cache_size. Of sinks they keep 4 in their language modelling and 128 in their LongBench and needle runs, with
    span 16. The shorter a chunk beside the budget, the more even the ladders; a chunk of many budgets loses its end.
    Numbering positions by place in the cache, as the authors do, is positions=in-cache.
    """

    allocator: Allocator = field(default_factory=Ladder, metadata={"room": "allocator"})
