"""How tokens are proposed and verified."""

METHODS: tuple[str, ...] = (
    "prompt-lookup",
    "lookahead",
    "token-recycling",
    "several",
    "forced",
    "draft-model",
    "self-speculation",
    "rsd",
    "triforce",
    "rapid",
    "dynamic-tree",
)
