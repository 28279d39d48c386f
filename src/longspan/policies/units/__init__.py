"""What is kept or goes together: single tokens, chunks, rounds of a dialogue."""

from longspan.registry import Card

CARDS = (
    Card(
        name="token",
        target="longspan.policies.units.token:Token",
        paper="H2O: Heavy-Hitter Oracle for Efficient Generative Inference of Large Language Models",
        link="https://arxiv.org/abs/2306.14048",
        year=2023,
        training=False,
        changes="Each entry stays or goes by its own score.",
    ),
)
