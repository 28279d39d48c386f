"""How far apart a query and a key appear to the model."""

from longspan.registry import Card

CARDS = (
    Card(
        name="stock",
        target="longspan.positions.stock:Stock",
        paper="RoFormer: Enhanced Transformer with Rotary Position Embedding",
        link="https://arxiv.org/abs/2104.09864",
        year=2021,
        training=False,
        changes="Leaves the model's own positions and frequencies as they are.",
    ),
    Card(
        name="pi",
        target="longspan.positions.pi:PI",
        paper="Extending Context Window of Large Language Models via Positional Interpolation",
        link="https://arxiv.org/abs/2306.15595",
        year=2023,
        training=False,
        changes="Divides all positions by the factor, so that they stay within the trained window.",
        field=(88,),
    ),
    Card(
        name="ntk",
        target="longspan.positions.ntk:NTK",
        paper="YaRN: Efficient Context Window Extension of Large Language Models",
        link="https://arxiv.org/abs/2309.00071",
        year=2023,
        training=False,
        changes="Raises the rotary base, so that slow channels stretch by the factor and fast ones stay.",
    ),
    Card(
        name="yarn",
        target="longspan.positions.yarn:YaRN",
        paper="YaRN: Efficient Context Window Extension of Large Language Models",
        link="https://arxiv.org/abs/2309.00071",
        year=2023,
        training=False,
        changes="Interpolates slow channels, keeps fast ones, and sharpens attention by 0.1 ln s + 1.",
        field=(301,),
    ),
    Card(
        name="self-extend",
        target="longspan.positions.self_extend:SelfExtend",
        paper="LLM Maybe LongLM: Self-Extend LLM Context Window Without Tuning",
        link="https://arxiv.org/abs/2401.01325",
        year=2024,
        training=False,
        changes="Shows near keys at their true distance and far keys at a distance counted in groups.",
        field=(141,),
    ),
    Card(
        name="dca",
        target="longspan.positions.dca:DCA",
        paper="Training-Free Long-Context Scaling of Large Language Models",
        link="https://arxiv.org/abs/2402.17463",
        year=2024,
        training=False,
        changes="Re-uses trained positions inside a chunk, towards the chunk before, and towards all older ones.",
    ),
)
