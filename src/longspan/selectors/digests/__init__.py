"""What is remembered of a group of entries, so that a query need not read it."""

METHODS = (
    "bounds",
    "mean",
    "tree",
    "landmarks",
    "representatives",
    "pooled",
    "boxes",
    "keys",
)
