"""What the store keeps: scorers, with the allocators and disposers they are combined with."""

METHODS = (
    "snapkv",
    "streamingllm",
    "adakv",
    "ems",
    "h2o",
    "expected-attention",
    "criticalkv",
    "kvzip",
    "finch",
    "tova",
    "knorm",
    "keydiff",
    "lagkv",
    "random",
    "look-once",
    "pyramidkv",
    "lacache",
    "chunkkv",
    "duoattention",
    "epicache",
)
