"""For how long a selection holds: steps and layers that share one."""

METHODS = (
    "never",
    "similar",
    "steps",
    "layers",
)
