"""The parts of a message: which are its text, and which are named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message

from longspan.errors import DocumentError
from longspan.spans.display import printable
from longspan.spans.formats.html import html
from longspan.spans.formats.left_out import ATTACHMENT, PICTURE, Kind, LeftOut
from longspan.spans.formats.mail.charsets import decoded
from longspan.spans.formats.mail.enriched import enriched
from longspan.spans.formats.mail.headers import header, words
from longspan.spans.formats.mail.nested import unpacked
from longspan.spans.formats.rtf import is_rtf, rtf

_FORM = Kind(
    "other form of the message",
    "other forms of the message",
    "it has words that the one that is read has not; open the message in a mail program to see it",
)
_ENCRYPTED = Kind("encrypted part", "encrypted parts", "decrypt it in a mail program and save it from there")
_SIGNED = Kind(
    "part wrapped in its signature",
    "parts wrapped in their signature",
    "open it in a mail program and save it from there, or unwrap it, e.g. with openssl smime -verify",
)
_ENCRYPTED_TYPES = ("application/pkcs7-mime", "application/x-pkcs7-mime", "application/pgp-encrypted")
_FURNITURE = ("text/css", "text/javascript", "application/javascript", "application/x-javascript", "font/")
_UUENCODED = re.compile(r"^begin [0-7]{3,4} (.+)\n(?:[ -`]{1,90}\n)*?end$", re.MULTILINE)
_ADDRESS = re.compile(r"\w+://\S*|\S+@\S+")
_ARMOUR = "-----BEGIN PGP MESSAGE-----"


class Body:
    """Reads the parts of one message. notes: what is said of its HTML."""

    def __init__(self, left_out: LeftOut, name: str) -> None:
        self._left_out, self._name = left_out, name
        self.notes: list[str] = []

    def texts(self, part: Message) -> Iterator[tuple[str, Message | None]]:
        """The text of each part in order; or no text, and a message that is attached."""
        kind = part.get_content_type()
        if part.get_content_disposition() == "attachment" and kind != "message/rfc822":
            self._attached(part)
        elif kind == "multipart/alternative":
            yield from self._best(part)
        elif kind in _ENCRYPTED_TYPES and str(part.get_param("smime-type") or "").startswith("signed"):
            self._left_out.add(_SIGNED, kind)
        elif kind == "multipart/encrypted" or kind in _ENCRYPTED_TYPES:
            self._left_out.add(_ENCRYPTED, kind)
        elif kind in ("message/rfc822", "message/delivery-status") and part.is_multipart():
            for inner in _parts(part):
                if kind == "message/rfc822":
                    yield "", unpacked(part, inner)
                else:
                    yield (
                        "\n".join(f"{name}: {header(inner, name)}" for name in dict.fromkeys(inner.keys())),
                        None,
                    )
        elif part.is_multipart():
            if kind == "message/partial":
                self.notes.append("is one part of a message that was cut for sending; put its parts together")
            if any("CloseBoundaryNotFound" in type(defect).__name__ for defect in part.defects):
                self.notes.append(
                    "has a part without an end, and may be cut off; compare it with the original"
                )
            for inner in _parts(part):
                yield from self.texts(inner)
        elif kind.startswith("multipart/"):
            raise ValueError(f"its {kind} cannot be parted: no boundary is declared or found")
        elif kind in ("text/html", "text/x-amp-html", "application/xhtml+xml"):
            yield self._page(part), None
        elif kind.startswith(_FURNITURE):
            pass
        elif kind.startswith("text/") or kind in ("application/rtf", "message/delivery-status"):
            yield self._plain(part), None
        else:
            self._attached(part)

    def _best(self, part: Message) -> Iterator[tuple[str, Message | None]]:
        """The last form of an alternative that can be read, which is the richest; others, if they say more."""
        forms = []
        dates = [inner for inner in _parts(part) if inner.get_content_type() == "text/calendar"]
        for inner in _parts(part):
            if inner in dates:
                continue  # an invitation, which is shown besides
            apart = Body(LeftOut(), self._name)
            forms.append((inner.get_content_type(), list(apart.texts(inner)), apart))
        read = [form for form in forms if any(text.strip() or attached for text, attached in form[1])]
        for _, _, apart in read[-1:] or forms:
            self._left_out.merge(apart._left_out)
            self.notes += apart.notes
        if read:
            _, best, _ = read.pop()
            yield from best
            said = _words(" ".join(text for text, _ in best))
            for kind, found, _ in read:
                if (
                    any(attached for _, attached in found)
                    or _words(" ".join(text for text, _ in found)) - said
                ):
                    self._left_out.add(_FORM, kind)
        for inner in dates:
            yield from self.texts(inner)

    def _attached(self, part: Message) -> None:
        kind, data = part.get_content_type(), _content(part)
        name = words(part.get_filename() or "") or header(part, "Content-Location")
        if kind.startswith("image/"):
            self._left_out.add(PICTURE, name)
        else:
            self._left_out.add(ATTACHMENT, f"{name or 'without a name'}, {kind}, {len(data):,} bytes")

    def _page(self, part: Message) -> str:
        data, charset = _content(part), part.get_content_charset()
        if charset:
            data = b"\xef\xbb\xbf" + self._text(part).encode("utf-8", "replace")
        if not data.strip():
            return ""
        found = html(data, self._name)
        self.notes += found.notes
        return found.text

    def _plain(self, part: Message) -> str:
        data = _content(part)
        if is_rtf(data):
            found = rtf(data, self._name)
            self.notes += found.notes
            return found.text
        text = self._text(part).replace("\r\n", "\n").replace("\r", "\n")
        if part.get_content_type() in ("text/enriched", "text/richtext"):
            text = enriched(text)
        if _ARMOUR in text:
            self._left_out.add(_ENCRYPTED, "PGP")
        return _UUENCODED.sub(self._uuencoded, text)

    def _uuencoded(self, match: re.Match[str]) -> str:
        self._left_out.add(ATTACHMENT, match[1])
        return ""

    def _text(self, part: Message) -> str:
        charset = part.get_content_charset() or "utf-8"
        data = _content(part)
        try:
            return decoded(data, charset).removeprefix("\ufeff")
        except UnicodeDecodeError as error:
            shown = printable(charset[:40], lines=False)
            raise DocumentError(
                f"{self._name} has text that does not fit its charset {shown} (byte 0x{data[error.start]:02X} "
                f"at {error.start:,}); open it in a mail program and save it as text in UTF-8"
            ) from None


def _parts(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [each for each in payload if isinstance(each, Message)] if isinstance(payload, list) else []


def _content(part: Message) -> bytes:
    """The bytes of a part; ValueError if its encoding is damaged, so that text may be missing."""
    if part.is_multipart():
        return part.as_bytes()
    data = part.get_payload(decode=True)
    damaged = [type(defect).__name__ for defect in part.defects if "Base64" in type(defect).__name__]
    if damaged and part.get_content_maintype() == "text":
        raise ValueError(f"the base64 of a part is damaged: {damaged[0]}")
    return data if isinstance(data, bytes) else b""


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", _ADDRESS.sub(" ", text).lower()))
