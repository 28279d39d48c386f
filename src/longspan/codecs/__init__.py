"""In which form and where keys and values are kept."""

METHODS = (
    "int8",
    "int4",
    "kivi",
    "million",
    "think",
    "low-rank",
    "host",
    "mapped",
)
