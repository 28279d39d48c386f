"""From a file to its text, one format a file."""
