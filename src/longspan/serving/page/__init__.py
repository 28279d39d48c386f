"""The page that people see at the root of the server: documents, questions, answers with their quotes."""
