"""A server: what clients ask by HTTP, answered by one model on one runner, or by an engine elsewhere."""
