"""What is remembered of a group of entries, so that a query need not read it."""

from longspan.registry import Card

CARDS = (
    Card(
        name="bounds",
        target="longspan.selectors.digests.bounds:Bounds",
        paper="Quest: Query-Aware Sparsity for Efficient Long-Context LLM Inference",
        link="https://arxiv.org/abs/2406.10774",
        year=2024,
        training=False,
        changes="A group is known by the largest and smallest value of each key channel.",
    ),
    Card(
        name="mean",
        target="longspan.selectors.digests.mean:Mean",
        paper="Squeezed Attention: Accelerating Long Context Length LLM Inference",
        link="https://arxiv.org/abs/2411.09688",
        year=2024,
        training=False,
        changes="A group is known by its mean key.",
    ),
    Card(
        name="tree",
        target="longspan.selectors.digests.tree:Tree",
        paper="Squeezed Attention: Accelerating Long Context Length LLM Inference",
        link="https://arxiv.org/abs/2411.09688",
        year=2024,
        training=False,
        changes="Mean keys are compared only where a coarser centroid matches.",
    ),
    Card(
        name="landmarks",
        target="longspan.selectors.digests.landmarks:Landmarks",
        paper="ShadowKV: KV Cache in Shadows for High-Throughput Long-Context LLM Inference",
        link="https://arxiv.org/abs/2410.21465",
        year=2024,
        training=False,
        changes="A group is known by its mean key, and always visited where that describes it badly.",
    ),
    Card(
        name="representatives",
        target="longspan.selectors.digests.representatives:Representatives",
        paper="InfLLM: Unveiling the Intrinsic Capacity of LLMs for Understanding Extremely Long Sequences with "
        "Training-Free Memory",
        link="https://arxiv.org/abs/2402.04617",
        year=2024,
        training=False,
        changes="A group is known by the few keys that the queries after it liked best.",
    ),
    Card(
        name="pooled",
        target="longspan.selectors.digests.pooled:Pooled",
        paper="LongHeads: Multi-Head Attention is Secretly a Long Context Processor",
        link="https://arxiv.org/abs/2402.10685",
        year=2024,
        training=False,
        changes="A group is known by its keys as attention among them weighs them.",
    ),
    Card(
        name="boxes",
        target="longspan.selectors.digests.boxes:Boxes",
        paper="MPCache: MPC-Friendly KV Cache Eviction for Efficient Private Large Language Model Inference",
        link="https://arxiv.org/abs/2501.06807",
        year=2025,
        training=False,
        changes="Groups are boxes of keys, compared only where a larger box around them matches.",
    ),
    Card(
        name="keys",
        target="longspan.selectors.digests.keys:Keys",
        paper="TokenSelect: Efficient Long-Context Inference and Length Extrapolation for LLMs via Dynamic "
        "Token-Level KV Cache Selection",
        link="https://arxiv.org/abs/2411.02886",
        year=2024,
        training=False,
        changes="Nothing is summarized: a query that chooses reads all keys.",
    ),
)
