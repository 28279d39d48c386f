"""In which form and where keys and values are kept."""

from longspan.registry import Card

CARDS = (
    Card(
        name="int8",
        target="longspan.codecs.int8:Int8",
        paper="LLM.int8(): 8-bit Matrix Multiplication for Transformers at Scale",
        link="https://arxiv.org/abs/2208.07339",
        year=2022,
        training=False,
        changes="Keeps keys and values as eight-bit integers with one scale per entry and head.",
    ),
)
