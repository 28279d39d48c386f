"""How far apart a query and a key appear to the model."""

from longspan.credit import Credit

METHODS = (
    "stock",
    "pi",
    "ntk",
    "dynamic-ntk",
    "ntk-by-parts",
    "yarn",
    "dynamic-by-parts",
    "dynamic-yarn",
    "abf",
    "entropy-abf",
    "giraffe",
    "dprope",
    "rope-contraction",
    "longrope",
    "longrope2",
    "self-extend",
    "dca",
    "rerope",
    "lm-infinite",
    "string",
    "dpe",
    "in-cache",
)

CREDITS = (Credit(kind="command", name="check", field=240),)  # its bounds
