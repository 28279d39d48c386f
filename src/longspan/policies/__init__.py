"""What the store keeps: scorers, with the allocators and disposers they are combined with."""

from longspan.registry import Card

CARDS = (
    Card(
        name="snapkv",
        target="longspan.policies.snapkv:SnapKV",
        paper="SnapKV: LLM Knows What You are Looking for Before Generation",
        link="https://arxiv.org/abs/2404.14469",
        year=2024,
        training=False,
        changes="Keeps the entries to which the last queries of the prompt attend, and their neighbours.",
    ),
    Card(
        name="streamingllm",
        target="longspan.policies.streamingllm:StreamingLLM",
        paper="Efficient Streaming Language Models with Attention Sinks",
        link="https://arxiv.org/abs/2309.17453",
        year=2023,
        training=False,
        changes="Keeps the first tokens and the most recent ones.",
    ),
    Card(
        name="adakv",
        target="longspan.policies.adakv:AdaKV",
        paper="Ada-KV: Optimizing KV Cache Eviction by Adaptive Budget Allocation for Efficient LLM Inference",
        link="https://arxiv.org/abs/2407.11550",
        year=2024,
        training=False,
        changes="SnapKV's scores, with the heads of a layer competing for its budget.",
    ),
)
