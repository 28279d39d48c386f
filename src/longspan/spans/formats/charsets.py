"""The encoding of a web page, decided as browsers do.

The prescan is that of the HTML standard (https://html.spec.whatwg.org/multipage/parsing.html, "prescan a byte stream
to determine its encoding"), except that what stands in a script, a style or a title is no tag, as Chrome and Firefox
have it. The names are those of the Encoding Standard (https://encoding.spec.whatwg.org/).
"""

from __future__ import annotations

import codecs
import re

_PRESCANNED = 1024
_SPACE = b"\t\n\x0c\r "
# What the Encoding Standard reads under a name, where Python's codec of that name reads less or something else.
_PYTHON = {
    "windows-874": "cp874",
    "x-mac-cyrillic": "mac_cyrillic",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    "macintosh": "mac_roman",
    "iso-8859-8-i": "iso-8859-8",
    # A page whose declaration could be read as ASCII is not in UTF-16.
    "utf-16be": "utf-8",
    "utf-16le": "utf-8",
}
# Browsers show nothing of a page in one of these, because they can hide a script from a filter.
_REFUSED = {"csiso2022kr", "hz-gb-2312", "iso-2022-cn", "iso-2022-cn-ext", "iso-2022-kr", "replacement"}
_RAW = re.compile(rb"(?i)<(script|style|title|textarea|xmp|iframe|noembed|noframes)[\t\n\x0c\r />]")
_ATTRIBUTE = re.compile(
    rb"[\t\n\x0c\r /]*([^\t\n\x0c\r />][^\t\n\x0c\r />=]*+)?[\t\n\x0c\r ]*+"
    rb"(?:=[\t\n\x0c\r ]*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\t\n\x0c\r >]*+)))?"
)
_CHARSET = re.compile(
    rb"charset[\t\n\x0c\r ]*=[\t\n\x0c\r ]*(?:\"([^\"]*)\"|'([^']*)'|([^\"'\t\n\x0c\r ;][^\t\n\x0c\r ;]*))"
)
_XML = re.compile(rb"<\?xml[^>]*?encoding[\x00-\x20]*=[\x00-\x20]*([\"'])([^\"'>]*)\1[^>]*>")


def declared_label(page: bytes) -> str | None:
    """The encoding that a page without a byte order mark declares, as it writes it; None if it declares none that
    browsers know."""
    head = page[:_PRESCANNED]
    at = 0
    while at < len(head):
        if head.startswith(b"<!--", at):
            # "-->" may begin with the dashes that begin the comment.
            end = head.find(b"-->", at + 2)
            at = len(head) if end < 0 else end + 3
        elif re.match(rb"(?i)<meta[\t\n\x0c\r /]", head[at : at + 6]):
            label, at = _meta(head, at + 5)
            if label:
                return label
        elif re.match(rb"</?[A-Za-z]", head[at : at + 3]):
            raw = _RAW.match(head, at)
            at = _after_tag(head, at)
            if raw:
                end = head.lower().find(b"</" + raw[1].lower(), at)
                at = len(head) if end < 0 else end
        elif head[at : at + 2] in (b"<!", b"</", b"<?"):
            end = head.find(b">", at)
            at = len(head) if end < 0 else end + 1
        else:
            at += 1
    said = _XML.match(head)
    return _known(said[2]) if said else None


def _attributes(head: bytes, at: int) -> tuple[list[tuple[bytes, bytes]], int]:
    """Names and values from ``at`` to the end of the tag, in lower case, and where that is."""
    found = []
    while at < len(head):
        match = _ATTRIBUTE.match(head, at)
        if match is None or not match[1]:
            at = at if match is None else match.end()
            break
        value = next((each for each in match.groups()[1:] if each is not None), b"")
        found.append((match[1].lower(), value.lower()))
        at = match.end()
    return found, at + 1


def _after_tag(head: bytes, at: int) -> int:
    while at < len(head) and head[at] not in _SPACE + b">":
        at += 1
    return _attributes(head, at)[1]


def _meta(head: bytes, at: int) -> tuple[str | None, int]:
    found, end = _attributes(head, at)
    if end > len(head):
        return None, end  # the tag is cut, so browsers have not seen its end either
    said = dict(reversed(found))
    label = said.get(b"charset")
    if label is None and said.get(b"http-equiv") == b"content-type":
        match = _CHARSET.search(said.get(b"content", b""))
        label = next((each for each in match.groups() if each is not None), None) if match else None
    return _known(label) if label is not None else None, end


def _known(label: bytes) -> str | None:
    name = label.decode("latin-1").strip("\t\n\x0c\r ")
    return name if name.lower() in _REFUSED or _lookup(name) else None


def _lookup(label: str) -> str | None:
    from webencodings import lookup

    found = lookup(label)
    return found.name if found else None


def read(page: bytes, label: str) -> str:
    """The page in the encoding that browsers use under a known name.

    LookupError if they refuse to read it; UnicodeDecodeError if there are bytes that the encoding does not have.
    """
    name = _lookup(label)
    if name is None or label.lower() in _REFUSED:
        raise LookupError("browsers refuse to read it")
    if name == "x-user-defined":
        return "".join(chr(byte if byte < 0x80 else 0xF700 + byte) for byte in page)
    if name == "euc-jp" and b"\x8f" not in page:
        page, name = _EUC_PAIRS.sub(_shifted, page), "shift_jis"
    codec = _PYTHON.get(name, name)
    if name.startswith("windows-"):
        return codecs.charmap_decode(page, "strict", _table(codec))[0]
    return page.decode(codec)


def _table(codec: str) -> str:
    """The characters of the 256 bytes; a byte from 0x80 to 0x9F without one is the control of that number."""
    characters = []
    for byte in range(256):
        known = bytes([byte]).decode(codec, "ignore")
        characters.append(known or (chr(byte) if 0x80 <= byte < 0xA0 else "\ufffe"))
    return "".join(characters)


def _shifted(pairs: re.Match[bytes]) -> bytes:
    """EUC-JP as Shift_JIS: both number the same characters, and browsers know more of them than Python's EUC-JP."""
    run = pairs[0]
    if run[0] == 0x8E:
        return run[1:]
    shifted = bytearray()
    for first, second in zip(run[::2], run[1::2], strict=True):
        row, cell = first - 0xA1, second - 0xA1
        lead = row // 2 + 0x81
        trail = cell + (0x9F if row % 2 else 0x40)
        shifted += bytes((lead if lead < 0xA0 else lead + 0x40, trail + (row % 2 == 0 and trail >= 0x7F)))
    return bytes(shifted)


_EUC_PAIRS = re.compile(rb"(?:[\xa1-\xfe]{2})+|\x8e[\xa1-\xdf]")
