"""Which keys a block of queries visits while the prompt is read."""

METHODS = (
    "a-shape",
    "tri-shape",
    "mswa",
    "minference",
    "hip",
    "hyper-attention",
    "squeezed",
    "dhsa",
    "flexprefill",
    "uniprefill",
    "xattention",
)
