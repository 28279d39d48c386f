"""The search for rescale factors that let a model read texts longer than its window."""
