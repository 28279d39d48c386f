"""The headers of a message as people see them."""

from __future__ import annotations

from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message

from longspan.spans.formats.mail.charsets import decoded

_SHOWN = ("From", "To", "Cc", "Bcc", "Reply-To", "Date", "Subject")
_OF_SENT = ("To", "Cc", "Bcc", "Received", "Message-ID", "Sender", "Reply-To")
_LONGEST_ENCODED = 1 << 16


def is_sent(message: Message) -> bool:
    """Whether this is a message to someone, and not a web page in the form of one."""
    return any(name in message for name in _OF_SENT)


def shown_headers(message: Message) -> str:
    return "\n".join(f"{name}: {said}" for name in _SHOWN if (said := header(message, name)))


def all_headers(message: Message) -> str:
    return "\n".join(f"{name}: {words(str(raw))}" for name, raw in message.raw_items())


def header(message: Message, name: str) -> str:
    """The words of a header; several of a name are parted by commas."""
    found = [words(str(raw)) for key, raw in message.raw_items() if key.lower() == name.lower()]
    return ", ".join(filter(None, found))


def words(raw: str) -> str:
    """A header in one line, with what is encoded in it decoded."""
    data = raw.encode("utf-8", "surrogateescape")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    if "=?" in text and len(text) <= _LONGEST_ENCODED:
        try:
            pieces = decode_header(text)
        except (HeaderParseError, ValueError):
            pieces = [(text, None)]
        text = "".join(
            piece if isinstance(piece, str) else decoded(piece, charset or "utf-8", "replace")
            for piece, charset in pieces
        )
    return " ".join(text.split())
