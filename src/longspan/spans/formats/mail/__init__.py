"""The text of mail and of web archives (.mht), which are mail in form: headers that people see, then the body."""

from __future__ import annotations

import re
from email.message import Message

from longspan.errors import DocumentError
from longspan.spans.formats.blocks import Blocks
from longspan.spans.formats.extract import Extract
from longspan.spans.formats.left_out import LeftOut
from longspan.spans.formats.mail.body import Body
from longspan.spans.formats.mail.headers import header, is_sent, shown_headers
from longspan.spans.formats.mail.nested import parted
from longspan.spans.formats.reason import reason
from longspan.spans.places import Places

_SUFFIXES = (".eml", ".mht", ".mhtml", ".mbox", ".emlx")
_HEADER_BLOCK = re.compile(rb"(?:[!-9;-~]+:[^\n]*\n(?:[ \t][^\n]*\n)*)+")
_VERSION = re.compile(rb"^MIME-Version:", re.IGNORECASE | re.MULTILINE)
_USUAL = re.compile(
    rb"^(?:MIME-Version|Content-Type|From|To|Subject|Date|Received|Return-Path|Message-ID):",
    re.IGNORECASE | re.MULTILINE,
)
_MAILBOX = re.compile(
    rb"(?:\A|(?<=\n\n)|(?<=\n\r\n))From \S+ +(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [^\n]*\n(?=[!-9;-~]+:)"
)
_COUNTED = re.compile(rb"\s*(\d{1,12})\s*\n")


def is_mail(data: bytes, suffix: str) -> bool:
    """Whether the file is mail: by its name, or because it begins with headers that say so, or as a mailbox."""
    data = _beginning(data[: 1 << 16])
    if _MAILBOX.match(data):
        return True
    if suffix == ".emlx" and (counted := _COUNTED.match(data)):
        data = data[counted.end() :]
    block = _HEADER_BLOCK.match(data)
    told_by = _USUAL if suffix in _SUFFIXES else _VERSION
    return bool(block and told_by.search(block[0]))


def _beginning(data: bytes) -> bytes:
    return data.removeprefix(b"\xef\xbb\xbf").lstrip()


def mail(data: bytes, name: str) -> Extract:
    """The text of a message, of all messages of a mailbox, or of a web archive."""
    left_out, blocks = LeftOut(), Blocks()
    notes: list[str] = []
    try:
        for source in _messages(data):
            body = Body(left_out, name)
            _read(parted(source), body, blocks)
            notes += body.notes
    except DocumentError:
        raise
    except Exception as error:  # a message may be broken in any way
        raise DocumentError(
            f"{name} cannot be read as mail ({reason(error)}); open it in a mail program and save it as text or PDF"
        ) from error
    return Extract(
        text=blocks.text,
        places=Places(lines=(), headings=tuple(blocks.headings)),
        notes=(*left_out.notes(), *dict.fromkeys(notes)),
    )


def _messages(data: bytes) -> list[bytes]:
    if counted := _COUNTED.match(
        data
    ):  # Apple's form: the length of the message, the message, its properties
        return [data[counted.end() : counted.end() + int(counted[1])]]
    starts = [match.span() for match in _MAILBOX.finditer(data)] if _MAILBOX.match(data) else []
    if not starts:
        return [data]
    ends = [start for start, _ in starts[1:]] + [len(data)]
    return [
        re.sub(rb"(?m)^>(>*From )", rb"\1", data[begin:end])
        for (_, begin), end in zip(starts, ends, strict=True)
    ]


def _read(message: Message, body: Body, blocks: Blocks) -> None:
    if is_sent(message):
        subject = header(message, "Subject")
        blocks.add(shown_headers(message), headings=[subject] if subject else ())
    for text, attached in body.texts(message):
        if attached is not None:
            blocks.add("Attached message:")
            _read(attached, body, blocks)
        blocks.add(text)
