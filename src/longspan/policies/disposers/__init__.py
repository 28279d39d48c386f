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
    Card(
        name="merge",
        target="longspan.policies.disposers.merge:Merge",
        paper="D2O: Dynamic Discriminative Operations for Efficient Long-Context Inference of Large Language Models",
        link="https://arxiv.org/abs/2406.13035",
        year=2024,
        training=False,
        changes="Merges each entry that does not stay into the kept one with the most similar key, weighted by score.",
        missing="Of D2O, neither the weights by the exponential of similarity nor the moving threshold nor the "
        "budgets of layers are here; only the idea of merging into the nearest is.",
    ),
    Card(
        name="kvmerger",
        target="longspan.policies.disposers.kvmerger:KVMerger",
        paper="Model Tells You Where to Merge: Adaptive KV Cache Merging for LLMs on Long-Context Tasks",
        link="https://arxiv.org/abs/2407.08454",
        year=2024,
        training=False,
        changes="Merges neighbours with similar keys into the one that matters most, with Gaussian weights.",
        field=(212,),
        missing="A policy says how many entries stay, where the paper's sets alone do, and sigma is one for all sets.",
    ),
    Card(
        name="look-m",
        target="longspan.policies.disposers.look_m:LookM",
        paper="LOOK-M: Look-Once Optimization in KV Cache for Efficient Multimodal Long-Context Inference",
        link="https://arxiv.org/abs/2406.18139",
        year=2024,
        training=False,
        changes="Merges each entry that does not stay into the kept one with the most similar key, by its pivot rule.",
        field=(147,),
        missing="Its preference for text over images when entries are evicted is absent, since models with "
        "images are not read yet.",
    ),
    Card(
        name="cam",
        target="longspan.policies.disposers.cam:CaM",
        paper="CaM: Cache Merging for Memory-efficient LLMs Inference",
        link="https://openreview.net/forum?id=LCTmppB165",
        year=2024,
        training=False,
        changes="Adds values that do not stay to the kept values that follow, drawn by their attention.",
    ),
    Card(
        name="ems",
        target="longspan.policies.disposers.ems:EvictThenMerge",
        paper=(
            "EMS: Adaptive Evict-then-Merge Strategy for Head-wise KV Cache Compression "
            "Based on Global-Local Importance"
        ),
        link="https://arxiv.org/abs/2412.08521",
        year=2024,
        training=False,
        changes="Evicts the least important entries and merges those in between into the nearest kept ones.",
        field=(68,),
        missing="Its window and weights are our own, since the paper's could not be read and there is no code.",
    ),
    Card(
        name="quantize",
        target="longspan.policies.disposers.quantize:Quantize",
        paper="No Token Left Behind: Reliable KV Cache Compression via Importance-Aware Mixed Precision Quantization",
        link="https://arxiv.org/abs/2402.18096",
        year=2024,
        training=False,
        changes="Keeps in two bits what other policies drop.",
    ),
    Card(
        name="move",
        target="longspan.policies.disposers.move:Move",
        paper="FlexGen: High-Throughput Generative Inference of Large Language Models with a Single GPU",
        link="https://arxiv.org/abs/2303.06865",
        year=2023,
        training=False,
        changes="Moves what other policies drop to host memory or to a disk.",
    ),
)
