"""Which stored entries a query visits, while all of them stay."""

METHODS = (
    "retrieve",
    "quest",
    "infllm",
    "em-llm",
    "tokenselect",
    "longheads",
    "longcache",
    "squeezed",
    "shadowkv",
    "retrolm",
    "actqkv",
    "recycled",
    "mpcache",
    "round-attention",
    "inter-layer",
)
