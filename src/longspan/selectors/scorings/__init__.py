"""How promising a group is for a query."""

from longspan.registry import Card

CARDS = (
    Card(
        name="heads",
        target="longspan.selectors.scorings.heads:Heads",
        paper="Quest: Query-Aware Sparsity for Efficient Long-Context LLM Inference",
        link="https://arxiv.org/abs/2406.10774",
        year=2024,
        training=False,
        changes="Each query head chooses for itself.",
    ),
    Card(
        name="shared",
        target="longspan.selectors.scorings.shared:Shared",
        paper="ShadowKV: KV Cache in Shadows for High-Throughput Long-Context LLM Inference",
        link="https://arxiv.org/abs/2410.21465",
        year=2024,
        training=False,
        changes="The query heads that share a KV head choose together.",
    ),
    Card(
        name="votes",
        target="longspan.selectors.scorings.votes:Votes",
        paper="TokenSelect: Efficient Long-Context Inference and Length Extrapolation for LLMs via Dynamic "
        "Token-Level KV Cache Selection",
        link="https://arxiv.org/abs/2411.02886",
        year=2024,
        training=False,
        changes="All heads of a layer choose together by the sum of their softmax weights.",
    ),
    Card(
        name="joint",
        target="longspan.selectors.scorings.joint:Joint",
        paper="InfLLM: Unveiling the Intrinsic Capacity of LLMs for Understanding Extremely Long Sequences with "
        "Training-Free Memory",
        link="https://arxiv.org/abs/2402.04617",
        year=2024,
        training=False,
        changes="All heads of a layer choose together by the sum of their matches, with neighbours if asked for.",
    ),
    Card(
        name="threshold",
        target="longspan.selectors.scorings.threshold:Threshold",
        paper="Squeezed Attention: Accelerating Long Context Length LLM Inference",
        link="https://arxiv.org/abs/2411.09688",
        year=2024,
        training=False,
        changes="Each head visits the groups above a threshold that all heads have in common.",
    ),
    Card(
        name="nucleus",
        target="longspan.selectors.scorings.nucleus:Nucleus",
        paper="Round Attention: A Novel Round-Level Attention Mechanism to Accelerate LLM Inference",
        link="https://arxiv.org/abs/2502.15294",
        year=2025,
        training=False,
        changes="All heads of a layer visit the fewest groups that hold a share of the weight.",
    ),
    Card(
        name="spans",
        target="longspan.selectors.scorings.spans:Spans",
        paper="Farewell to Length Extrapolation, a Training-Free Infinite Context with Finite Attention Scope",
        link="https://arxiv.org/abs/2407.15176",
        year=2024,
        training=False,
        changes="All heads of a layer visit spans around the groups with the most votes.",
    ),
    Card(
        name="activation",
        target="longspan.selectors.scorings.activation:Activation",
        paper="Activation-aware Probe-Query: Effective Key-Value Retrieval for Long-Context LLMs Inference",
        link="https://arxiv.org/abs/2502.13542",
        year=2025,
        training=False,
        changes="Unusual queries count more, and the more evenly scores spread the more groups are visited.",
    ),
)
