"""Writing long texts: how a task becomes a text of a length that no single reply has."""

METHODS = ("agent-write", "self-lengthen", "l2mac", "surveyx", "dynamic-context")
