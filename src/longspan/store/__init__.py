"""What a session remembers: rows of keys and values, each row with its own length."""
