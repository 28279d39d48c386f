"""Making a text shorter before a model reads it: which parts of it stay, at their own places."""

METHODS = (
    "extractive",
    "gemfilter",
    "llmlingua-2",
    "longllmlingua",
    "random-access",
    "selective-context",
)
