"""How a model puts passages that were found in another order."""

METHODS = (
    "likelihood",
    "listwise",
)
