"""How the next token is drawn: what may be asked of it, what it pays, and who draws it."""
