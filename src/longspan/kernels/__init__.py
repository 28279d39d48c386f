"""The few functions where time is spent. They know shapes and numbers, nothing of methods."""
