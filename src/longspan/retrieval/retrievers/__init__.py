"""How passages are found: by words, by meaning, or by both."""

METHODS = (
    "bm25",
    "contextual",
    "dense",
    "hybrid",
    "late-chunks",
    "late-interaction",
    "usage",
)
