"""What is made of demonstrations before a model is asked."""

METHODS = (
    "many-shot",
    "augmented",
    "ensemble-format",
    "super-icl",
    "auto-icl",
)
