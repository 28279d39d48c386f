"""What becomes of the entries that are not kept."""

from longspan.registry import Card

CARDS = (
    Card(
        name="drop",
        target="longspan.policies.disposers.drop:Drop",
        paper="H2O: Heavy-Hitter Oracle for Efficient Generative Inference of Large Language Models",
        link="https://arxiv.org/abs/2306.14048",
        year=2023,
        training=False,
        changes="Frees the memory of all entries that are not kept.",
    ),
)
