"""Characters that no text has: halves of surrogate pairs, and NUL."""


def whole(text: str) -> str:
    """The text without NUL, and with U+FFFD for a half of a pair that stands alone."""
    if "\0" in text:
        text = text.replace("\0", "")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
