"""Which stored entries a decoding query visits, while all of them stay."""

from longspan.registry import Card

CARDS = (
    Card(
        name="quest",
        target="longspan.selectors.quest:Quest",
        paper="Quest: Query-Aware Sparsity for Efficient Long-Context LLM Inference",
        link="https://arxiv.org/abs/2406.10774",
        year=2024,
        training=False,
        changes="Each decoding query visits only the pages of keys whose bounds promise the highest scores.",
        field=(228,),
    ),
)
