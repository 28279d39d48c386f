"""Messages within messages, and how long a message may take to part."""

from __future__ import annotations

import base64
import quopri
import re
from email import message_from_bytes
from email.message import Message

_PARTED = re.compile(rb"^content-(?:type|disposition):[^\n]*(?:\n[ \t][^\n]*)*", re.IGNORECASE | re.MULTILINE)
_MAX_BOUNDARIES = 2000
_LONGEST_HEADER = 1 << 13


def parted(source: bytes) -> Message:
    """The message in these bytes. ValueError if it would take longer to part than its length allows."""
    if source.lower().count(b"boundary=") > _MAX_BOUNDARIES:
        raise ValueError(f"it has more than {_MAX_BOUNDARIES:,} boundaries between parts")
    if any(match.end() - match.start() > _LONGEST_HEADER for match in _PARTED.finditer(source)):
        raise ValueError(f"it has a header of a part with more than {_LONGEST_HEADER:,} bytes")
    return message_from_bytes(source)


def unpacked(part: Message, within: Message) -> Message:
    """The message within a part, which some programs encode as if it were a file."""
    encoding = str(part.get("Content-Transfer-Encoding", "")).strip().lower()
    if encoding == "base64":
        return parted(base64.b64decode(b"".join(within.as_bytes().split()), validate=True))
    if encoding == "quoted-printable":
        return parted(quopri.decodestring(within.as_bytes()))
    return within
