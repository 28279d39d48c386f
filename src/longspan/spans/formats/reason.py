"""What is said of a file that cannot be read."""

from longspan.spans.display import printable


def visible(text: str) -> bool:
    return any(character.isprintable() and not character.isspace() for character in text)


def reason(error: Exception) -> str:
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return printable(" ".join(said.split())[:160], lines=False) or type(error).__name__
