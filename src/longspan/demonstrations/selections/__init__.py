"""Which of many demonstrations are shown."""

METHODS = (
    "random",
    "similar",
    "diverse",
    "coverage",
    "se2",
)
