"""Windows side by side: texts that are read each by itself, and what follows sees all of them."""

METHODS = ("pcw", "structured-prompting", "set-based", "window-ensemble")
