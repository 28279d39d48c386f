"""What a model says as text, as calls of functions, reasoning and answers."""
