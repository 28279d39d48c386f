"""How a network is borrowed: watched once, lent for a pass at a time, and given back unchanged."""
