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
    Card(
        name="retrieval-heads",
        target="longspan.policies.allocators.retrieval_heads:RetrievalHeads",
        paper="DuoAttention: Efficient Long-Context LLM Inference with Retrieval and Streaming Heads",
        link="https://arxiv.org/abs/2410.10819",
        year=2024,
        training=False,
        changes="Lets heads that retrieve keep everything, and all others the first and the most recent entries.",
        trained=True,
        missing="Gates are not trained here, but measured or read from the authors' file, and streaming heads "
        "read the prompt with full attention where when=end.",
    ),
    Card(
        name="sensitivity",
        target="longspan.policies.allocators.sensitivity:Sensitivity",
        paper="EpiCache: Episodic KV Cache Management for Long Conversational Question Answering",
        link="https://arxiv.org/abs/2509.17396",
        year=2025,
        training=False,
        changes="Gives more entries to layers whose keys change more when entries go.",
        field=(81,),
        missing="Layers are measured on at most 2048 tokens of sentences from templates, where the authors read "
        "a book in blocks of 4096, since no book is shipped.",
    ),
)
