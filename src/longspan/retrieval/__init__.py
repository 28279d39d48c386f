"""Finding the parts of documents that speak of a question, and an index of a folder that is kept."""
