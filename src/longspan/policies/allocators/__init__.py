"""How many entries each layer and head may keep."""

from longspan.registry import Card

CARDS = (
    Card(
        name="uniform",
        target="longspan.policies.allocators.uniform:Uniform",
        paper="SnapKV: LLM Knows What You are Looking for Before Generation",
        link="https://arxiv.org/abs/2404.14469",
        year=2024,
        training=False,
        changes="Gives every head of every layer the same number of entries.",
    ),
    Card(
        name="adakv",
        target="longspan.policies.allocators.adakv:AdaKV",
        paper="Ada-KV: Optimizing KV Cache Eviction by Adaptive Budget Allocation for Efficient LLM Inference",
        link="https://arxiv.org/abs/2407.11550",
        year=2024,
        training=False,
        changes="Lets the heads of a layer compete for its budget, each with a guaranteed share.",
    ),
    Card(
        name="model-wide",
        target="longspan.policies.allocators.model_wide:ModelWide",
        paper="KVzip: Query-Agnostic KV Cache Compression with Context Reconstruction",
        link="https://arxiv.org/abs/2505.23416",
        year=2025,
        training=False,
        changes="Lets all heads of all layers compete for the budget of the model.",
    ),
    Card(
        name="pyramid",
        target="longspan.policies.allocators.pyramid:Pyramid",
        paper="PyramidKV: Dynamic KV Cache Compression based on Pyramidal Information Funneling",
        link="https://arxiv.org/abs/2406.02069",
        year=2024,
        training=False,
        changes="Gives lower layers more entries than higher ones.",
    ),
    Card(
        name="ladder",
        target="longspan.policies.allocators.ladder:Ladder",
        paper="LaCache: Ladder-Shaped KV Caching for Efficient Long-Context Modeling of Large Language Models",
        link="https://arxiv.org/abs/2507.14204",
        year=2025,
        training=False,
        changes="Lets the tokens that a layer keeps shift with the layer.",
        field=(150,),
    ),
)
