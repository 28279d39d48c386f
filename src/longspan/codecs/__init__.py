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
        changes="Keeps keys and values as eight-bit integers with one scale per entry and head, which later chunks of "
        "a text see.",
    ),
    Card(
        name="int4",
        target="longspan.codecs.int4:Int4",
        paper="FlexGen: High-Throughput Generative Inference of Large Language Models with a Single GPU",
        link="https://arxiv.org/abs/2303.06865",
        year=2023,
        training=False,
        changes="Keeps keys and values as four-bit integers with a scale and a zero point per group of channels.",
        missing="A text longer than a chunk is read with earlier chunks as they are stored, where the authors read it "
        "with exact ones.",
    ),
    Card(
        name="kivi",
        target="longspan.codecs.kivi:Kivi",
        paper="KIVI: A Tuning-Free Asymmetric 2bit Quantization for KV Cache",
        link="https://arxiv.org/abs/2402.02750",
        year=2024,
        training=False,
        changes="Keeps keys in two or four bits per channel, values per token, and recent entries as they are.",
        missing="A text longer than a chunk is read with earlier chunks as they are stored, where the authors read it "
        "with exact ones.",
    ),
    Card(
        name="million",
        target="longspan.codecs.million:Million",
        paper="MILLION: Mastering Long-Context LLM Inference Via Outlier-Immunized KV Product Quantization",
        link="https://arxiv.org/abs/2504.03661",
        year=2025,
        training=False,
        changes="Keeps pieces of keys and values as numbers of centroids that were learned from the first chunk.",
        field=(195,),
        missing="Codebooks are learned from the first chunk of a text and not beforehand from a calibration set, "
        "which is not at hand, and from keys before rotation; later chunks of a text see earlier ones as stored.",
    ),
    Card(
        name="think",
        target="longspan.codecs.think:Think",
        paper="ThinK: Thinner Key Cache by Query-Driven Pruning",
        link="https://arxiv.org/abs/2407.21018",
        year=2024,
        training=False,
        changes="Removes the channels of the keys that the last queries of the prompt hardly look at.",
        field=(273,),
    ),
    Card(
        name="low-rank",
        target="longspan.codecs.low_rank:LowRank",
        paper="ShadowKV: KV Cache in Shadows for High-Throughput Long-Context LLM Inference",
        link="https://arxiv.org/abs/2410.21465",
        year=2024,
        training=False,
        changes="Keeps keys before their rotation as coordinates in their strongest directions.",
    ),
    Card(
        name="host",
        target="longspan.codecs.host:Host",
        paper="FlexGen: High-Throughput Generative Inference of Large Language Models with a Single GPU",
        link="https://arxiv.org/abs/2303.06865",
        year=2023,
        training=False,
        changes="Keeps entries in host memory and moves them to the device ahead of each visit.",
    ),
    Card(
        name="mapped",
        target="longspan.codecs.mapped:Mapped",
        paper="InstInfer: In-Storage Attention Offloading for Cost-Effective Long-Context LLM Inference",
        link="https://arxiv.org/abs/2409.04992",
        year=2024,
        training=False,
        changes="Keeps entries in memory-mapped files, in any form, so that the cache may exceed memory.",
        field=(130,),
        missing="Attention is computed by the processor, since no storage device that computes it is at hand.",
    ),
)
