"""How stored entries are grouped before a query chooses among them."""

from longspan.registry import Card

CARDS = (
    Card(
        name="pages",
        target="longspan.selectors.groupings.pages:Pages",
        paper="Quest: Query-Aware Sparsity for Efficient Long-Context LLM Inference",
        link="https://arxiv.org/abs/2406.10774",
        year=2024,
        training=False,
        changes="So many consecutive entries are visited or left out together.",
    ),
    Card(
        name="tokens",
        target="longspan.selectors.groupings.tokens:Tokens",
        paper="TokenSelect: Efficient Long-Context Inference and Length Extrapolation for LLMs via Dynamic "
        "Token-Level KV Cache Selection",
        link="https://arxiv.org/abs/2411.02886",
        year=2024,
        training=False,
        changes="Each entry is visited or left out by itself.",
    ),
    Card(
        name="events",
        target="longspan.selectors.groupings.events:Events",
        paper="Human-like Episodic Memory for Infinite Context LLMs",
        link="https://arxiv.org/abs/2407.09450",
        year=2024,
        training=False,
        changes="Entries are cut into events where a token surprises the model.",
    ),
    Card(
        name="clusters",
        target="longspan.selectors.groupings.clusters:Clusters",
        paper="Squeezed Attention: Accelerating Long Context Length LLM Inference",
        link="https://arxiv.org/abs/2411.09688",
        year=2024,
        training=False,
        changes="Entries with similar keys are visited or left out together.",
    ),
    Card(
        name="rounds",
        target="longspan.selectors.groupings.rounds:Rounds",
        paper="Round Attention: A Novel Round-Level Attention Mechanism to Accelerate LLM Inference",
        link="https://arxiv.org/abs/2502.15294",
        year=2025,
        training=False,
        changes="Each round of a dialogue is visited or left out as a whole.",
    ),
)
