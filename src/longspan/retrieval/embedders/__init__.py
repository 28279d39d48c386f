"""Texts as vectors that are near where they mean the same."""

METHODS = (
    "minilm",
    "folder",
)
