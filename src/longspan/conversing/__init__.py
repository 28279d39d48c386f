"""How a conversation goes on that is longer than the window: what the model is shown of it, turn by turn."""

METHODS = ("rounds", "supo", "memgpt", "context-folding", "standing-rules")
