"""For how long a selection holds: steps and layers that share one."""

from longspan.registry import Card

CARDS = (
    Card(
        name="never",
        target="longspan.selectors.reuses.never:Never",
        paper="Quest: Query-Aware Sparsity for Efficient Long-Context LLM Inference",
        link="https://arxiv.org/abs/2406.10774",
        year=2024,
        training=False,
        changes="Every query chooses anew.",
    ),
    Card(
        name="similar",
        target="longspan.selectors.reuses.similar:Similar",
        paper="TokenSelect: Efficient Long-Context Inference and Length Extrapolation for LLMs via Dynamic "
        "Token-Level KV Cache Selection",
        link="https://arxiv.org/abs/2411.02886",
        year=2024,
        training=False,
        changes="A choice holds while queries are like the one that made it.",
    ),
    Card(
        name="steps",
        target="longspan.selectors.reuses.steps:Steps",
        paper="Recycled Attention: Efficient inference for long-context language models",
        link="https://arxiv.org/abs/2411.05787",
        year=2024,
        training=False,
        changes="A choice holds for so many steps.",
    ),
    Card(
        name="layers",
        target="longspan.selectors.reuses.layers:Layers",
        paper="MPCache: MPC-Friendly KV Cache Eviction for Efficient Private Large Language Model Inference",
        link="https://arxiv.org/abs/2501.06807",
        year=2025,
        training=False,
        changes="A choice holds for the layers that follow.",
    ),
)
