"""What a session has read, kept on disk: one file a context."""
