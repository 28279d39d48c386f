"""Formats that are known and not read: what a file really is, and a way from it to text."""

from __future__ import annotations

import re
import shlex
import zipfile
from io import BytesIO

from longspan.errors import DocumentError
from longspan.spans.formats.marked_files import CODED, MARKS, NO_TEXT, OCR, UNPACK, UUENCODED

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# The name of a stream in an older Office file, what it tells, and what to do.
_STREAMS = (
    ("EncryptedPackage", "an Office file with a password", "remove the password in the program it is from"),
    ("WordDocument", "an older Word file (.doc)", "docx"),
    ("PowerPoint Document", "an older PowerPoint file (.ppt)", "pdf"),
    ("Workbook", "an older Excel file (.xls)", "save each sheet as CSV"),
    ("Book\0", "an older Excel file (.xls)", "save each sheet as CSV"),
    ("HwpSummaryInformation", "a Hangul text (hwp)", "save it as docx or PDF"),
    ("__substg1.0_", "an Outlook message (.msg)", "save it as .eml, e.g. with msgconvert"),
    ("Quill", "a Publisher file", "export it as PDF"),
    ("VisioDocument", "a Visio drawing", "export it as PDF"),
)
_OFFICE_XML = (
    (re.compile(rb"(?:wordprocessingml|ms-word)[^\"']*main\+xml"), "word", ""),
    (re.compile(rb"ms-excel\.sheet\.binary"), "a binary Excel workbook (.xlsb)", "save it as xlsx"),
    (re.compile(rb"spreadsheetml[^\"']*main\+xml|ms-excel[^\"']*main"), "sheets", ""),
    (re.compile(rb"presentationml[^\"']*main\+xml|ms-powerpoint[^\"']*main"), "slides", ""),
    (re.compile(rb"ms-visio"), "a Visio drawing", "export it as PDF"),
)
_OPEN_DOCUMENT = (
    ("application/vnd.oasis.opendocument.formula", "an OpenDocument formula", "pdf"),
    ("application/vnd.oasis.opendocument.database", "an OpenDocument database", "save its tables as CSV"),
    ("application/vnd.oasis.opendocument.image", "an OpenDocument picture", "pdf"),
    ("application/vnd.oasis.opendocument", "open", ""),
    ("application/vnd.sun.xml", "a file of the first OpenOffice", "pdf"),
    ("application/hwp+zip", "a Hangul text (hwpx)", "save it as docx or PDF"),
    ("application/vnd.adobe.indesign-idml", "an InDesign file", "export it as PDF"),
    ("application/epub+zip", "book", ""),
)
_XML = (
    (
        re.compile(rb"progid=[\"']Excel|<(?:ss:)?Workbook\b[^>]*urn:schemas-microsoft-com"),
        "an Excel workbook in one XML",
        "save each sheet as CSV",
    ),
    (
        re.compile(rb"<FictionBook\b"),
        "a FictionBook",
        "save it as text, HTML or docx, e.g. with pandoc or ebook-convert",
    ),
    (re.compile(rb"<abiword\b"), "an AbiWord text", "save it as docx or PDF"),
    (
        re.compile(rb"<\?mso-application|<w:wordDocument|<pkg:package"),
        "a Word file in one XML",
        "save it as docx",
    ),
)


_FLAT = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*+(?:<\?xml[^>]*+>\s*+)?(?:<!--(?>.*?-->)\s*+)*+<office:document\b", re.DOTALL
)


def package_kind(data: bytes) -> str:
    """What is read of this file: "word", "slides", "sheets", "book", "open"; empty if it is none of these."""
    if _FLAT.match(data[:2048]):
        return "open"
    kind, advice = _zip_kind(data) if data.startswith(b"PK\x03\x04") else ("", "")
    return "" if advice else kind


def refuse_unread(data: bytes, name: str) -> None:
    """DocumentError if the file is of a known format that is not read."""
    kind, advice = _kind(data)
    if kind:
        if advice in ("docx", "pdf"):
            advice = f"convert it first, e.g. soffice --headless --convert-to {advice} {shlex.quote(name)}"
        raise DocumentError(f"{name} is {kind}, which is not read; {advice}")


def is_binary(head: bytes) -> bool:
    """Whether a file that begins so is no text, or one of a known format that is not read."""
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return True
    marked = head.startswith((b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff"))
    return bool(_kind(head)[0]) or (b"\0" in head and not marked)


def _kind(data: bytes) -> tuple[str, str]:
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return _zip_kind(data)
    if data.startswith(_OLE):
        for stream, kind, advice in _STREAMS:
            if stream.encode("utf-16-le") in data:
                return kind, advice
        return "an older Office file", "docx"
    if data.startswith(b"MZ") and b"\0" in data[:64]:
        return "a program", NO_TEXT
    if data.startswith(b"BM") and data[6:10] == b"\0\0\0\0":
        return "a BMP image", OCR
    head = data[:2048]
    for mark, kind, advice in CODED:
        if head.removeprefix(b"\xef\xbb\xbf").startswith(mark):
            return kind, advice
    if UUENCODED.match(head):
        return "an encoded file", "decode it, e.g. with uudecode"
    is_text = _is_text(head)
    for start, mark, kind, advice in MARKS:
        if data.startswith(mark, start) and not is_text:
            return kind, advice
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        for pattern, kind, advice in _XML:
            if pattern.search(head):
                return kind, advice
    return "", ""


def _is_text(head: bytes) -> bool:
    """Whether a file begins as text does, so that a mark made of letters is a word of it."""
    if _CONTROLS.search(head):
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data"
    return True


_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def _zip_kind(data: bytes) -> tuple[str, str]:
    try:
        with zipfile.ZipFile(BytesIO(data)) as package:
            names = package.namelist()
            if "[Content_Types].xml" in names:
                types = _beginning(package, "[Content_Types].xml")
                return next(
                    ((kind, advice) for pattern, kind, advice in _OFFICE_XML if pattern.search(types)),
                    ("an Office package without a known document", "save it as docx or PDF"),
                )
            if "mimetype" in names:
                said = _beginning(package, "mimetype").decode("ascii", "replace")
                for mime, kind, advice in _OPEN_DOCUMENT:
                    if said.startswith(mime):
                        return kind, advice
    except Exception:  # a package may be broken in any way
        return "a damaged zip archive or Office file", "get a whole copy of it"
    if any(name.endswith(".iwa") or name == "index.apxl" for name in names):
        return "a Pages, Numbers or Keynote file", "export it as docx or PDF from the program it is from"
    if "META-INF/MANIFEST.MF" in names or "AndroidManifest.xml" in names:
        return "a program", NO_TEXT
    if "META-INF/container.xml" in names:
        return "book", ""
    if "content.xml" in names and "META-INF/manifest.xml" in names:
        return "open", ""
    many = "1 entry" if len(names) == 1 else f"{len(names):,} entries"
    return f"a zip archive ({many})", UNPACK


def _beginning(package: zipfile.ZipFile, name: str) -> bytes:
    with package.open(name) as part:
        return part.read(1 << 20)
