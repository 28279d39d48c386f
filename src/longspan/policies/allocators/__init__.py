"""How many entries each layer and head may keep."""

METHODS = (
    "uniform",
    "adakv",
    "model-wide",
    "pyramid",
    "ladder",
    "retrieval-heads",
    "sensitivity",
)
