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
    Card(
        name="chunk",
        target="longspan.policies.units.chunk:Chunk",
        paper="ChunkKV: Semantic-Preserving KV Cache Compression for Efficient Long-Context LLM Inference",
        link="https://arxiv.org/abs/2502.00299",
        year=2025,
        training=False,
        changes="Chunks of tokens stay or go as a whole.",
    ),
    Card(
        name="round",
        target="longspan.policies.units.round:Round",
        paper="Round Attention: A Novel Round-Level Attention Mechanism to Accelerate LLM Inference",
        link="https://arxiv.org/abs/2502.15294",
        year=2025,
        training=False,
        changes="Rounds of a dialogue stay or go as a whole.",
    ),
)
