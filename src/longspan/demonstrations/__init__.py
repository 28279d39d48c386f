"""Learning in context: solved examples are shown to a model before it is asked, many of them where they fit."""
