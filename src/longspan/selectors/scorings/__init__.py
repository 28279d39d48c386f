"""How promising a group is for a query."""

METHODS = (
    "heads",
    "shared",
    "votes",
    "joint",
    "threshold",
    "nucleus",
    "spans",
    "activation",
)
