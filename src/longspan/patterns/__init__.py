"""Which keys a block of queries visits while the prompt is read."""

from longspan.registry import Card

CARDS = (
    Card(
        name="a-shape",
        target="longspan.patterns.a_shape:AShape",
        paper="MInference 1.0: Accelerating Pre-filling for Long-Context LLMs via Dynamic Sparse Attention",
        link="https://arxiv.org/abs/2407.02490",
        year=2024,
        training=False,
        changes="While reading, every query sees only the first tokens and a window of recent ones.",
    ),
)
