"""Showing untrusted text: a document, a file name or an answer must not steer the reader's terminal."""

import re

_UNSAFE = "\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
_IN_TEXT = re.compile(f"[{_UNSAFE}]")
_IN_LINE = re.compile(f"[{_UNSAFE}\t\n]")


def printable(text: str, *, lines: bool = True) -> str:
    """The text with every character that could steer a terminal shown as U+FFFD, one for one.

    Replaced are control characters (escape sequences begin with one), line separators other than
    ``\\n``, marks that reverse the direction of writing, and lone surrogates, which cannot be encoded.
    Newlines and tabs stay if ``lines``; without, the result is one line.
    """
    return (_IN_TEXT if lines else _IN_LINE).sub("\ufffd", text)


def escaped(text: str, *, lines: bool = False) -> str:
    """The text with such characters as Python writes them, so that texts that differ stay different.

    Newlines and tabs stay if ``lines``; without, the result is one line.
    """
    return (_IN_TEXT if lines else _IN_LINE).sub(lambda match: _escape(match[0]), text)


def _escape(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no text in the system's encoding
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")
