"""What becomes of the entries that are not kept."""

METHODS = (
    "drop",
    "merge",
    "kvmerger",
    "look-m",
    "cam",
    "ems",
    "quantize",
    "move",
)
