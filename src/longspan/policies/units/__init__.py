"""What is kept or goes together: single tokens, chunks, rounds of a dialogue."""

METHODS = (
    "token",
    "chunk",
    "round",
)
