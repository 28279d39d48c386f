"""Formats that are known and not read: what a file really is, and a way from it to text."""

from __future__ import annotations

import re
import shlex
import zipfile
from io import BytesIO

from longspan.errors import DocumentError

_OCR = "run OCR first, e.g. tesseract or ocrmypdf"
_UNPACK = "unpack it and name the files in it"
_NO_TEXT = "give a document with text"
_LISTEN = "transcribe it first"

# The bytes at an offset, what they are the mark of, and what to do.
_MARKS = (
    (0, b"\x1f\x8b", "a gzip archive", _UNPACK),
    (0, b"BZh", "a bzip2 archive", _UNPACK),
    (0, b"\xfd7zXZ\x00", "an xz archive", _UNPACK),
    (0, b"(\xb5/\xfd", "a zstd archive", _UNPACK),
    (0, b"7z\xbc\xaf'\x1c", "a 7z archive", _UNPACK),
    (0, b"Rar!\x1a\x07", "a rar archive", _UNPACK),
    (257, b"ustar", "a tar archive", _UNPACK),
    (0, b"MSCF", "a cabinet archive", _UNPACK),
    (0, b"ITSF", "a compiled help file (chm)", _UNPACK),
    (0, b"\x89PNG\r\n", "a PNG image", _OCR),
    (0, b"\xff\xd8\xff", "a JPEG image", _OCR),
    (0, b"GIF87a", "a GIF image", _OCR),
    (0, b"GIF89a", "a GIF image", _OCR),
    (0, b"II*\x00", "a TIFF image", _OCR),
    (0, b"MM\x00*", "a TIFF image", _OCR),
    (0, b"AT&TFORM", "a DjVu file", "save its text with djvutxt, or print it to a PDF"),
    (8, b"WEBP", "a WebP image", _OCR),
    (8, b"WAVE", "a sound file", _LISTEN),
    (8, b"AVI ", "a video", _LISTEN),
    (4, b"ftyphei", "a HEIC image", _OCR),
    (4, b"ftypavif", "an AVIF image", _OCR),
    (4, b"ftyp", "a video or sound file", _LISTEN),
    (0, b"\x1aE\xdf\xa3", "a video", _LISTEN),
    (0, b"ID3", "a sound file", _LISTEN),
    (0, b"OggS", "a sound file", _LISTEN),
    (0, b"fLaC", "a sound file", _LISTEN),
    (60, b"BOOKMOBI", "a Kindle book (mobi)", "save it as text, HTML or PDF, e.g. with ebook-convert"),
    (0, b"\xffWPC", "a WordPerfect file", "save it as docx or PDF, e.g. with LibreOffice"),
    (0, b'x\x9f>"', "a mail attachment container (winmail.dat)", "unpack it, e.g. with tnef"),
    (0, b"!BDN", "an Outlook mailbox (pst)", "save its messages as .eml, e.g. with readpst -e"),
    (0, b"%!PS", "a PostScript file", "make a PDF of it, e.g. with ps2pdf"),
    (0, b"SQLite format 3\x00", "an SQLite database", "save its tables as CSV"),
    (0, b"PAR1", "a Parquet table", "save it as CSV"),
    (0, b"\x7fELF", "a program", _NO_TEXT),
    (0, b"\xca\xfe\xba\xbe", "a program", _NO_TEXT),
    (0, b"\xcf\xfa\xed\xfe", "a program", _NO_TEXT),
    (0, b"\x00asm", "a program", _NO_TEXT),
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# The name of a stream in an older Office file, what it tells, and what to do.
_STREAMS = (
    ("EncryptedPackage", "an Office file with a password", "remove the password in the program it is from"),
    ("WordDocument", "an older Word file (.doc)", "docx"),
    ("PowerPoint Document", "an older PowerPoint file (.ppt)", "pdf"),
    ("Workbook", "an older Excel file (.xls)", "save each sheet as CSV"),
    ("__substg1.0_", "an Outlook message (.msg)", "save it as .eml, e.g. with msgconvert"),
    ("Quill", "a Publisher file", "export it as PDF"),
    ("VisioDocument", "a Visio drawing", "export it as PDF"),
)
_OFFICE_XML = (
    (re.compile(rb"(?:wordprocessingml|ms-word)[^\"']*main\+xml"), "word", ""),
    (
        re.compile(rb"spreadsheetml[^\"']*main\+xml|ms-excel[^\"']*main"),
        "an Excel workbook",
        "save each sheet as CSV",
    ),
    (re.compile(rb"presentationml[^\"']*main\+xml|ms-powerpoint[^\"']*main"), "a PowerPoint file", "pdf"),
    (re.compile(rb"ms-visio"), "a Visio drawing", "export it as PDF"),
)
_OPEN_DOCUMENT = (
    ("application/vnd.oasis.opendocument.text", "an OpenDocument text (odt)", "docx"),
    (
        "application/vnd.oasis.opendocument.spreadsheet",
        "an OpenDocument spreadsheet (ods)",
        "save each sheet as CSV",
    ),
    ("application/vnd.oasis.opendocument", "an OpenDocument file", "pdf"),
    (
        "application/epub+zip",
        "an EPUB book",
        "save it as HTML, text or docx, e.g. with pandoc or ebook-convert",
    ),
)
_XML = (
    (
        re.compile(rb"<\?mso-application|<w:wordDocument|<pkg:package"),
        "a Word file in one XML",
        "save it as docx",
    ),
    (re.compile(rb"<office:document\b"), "an OpenDocument file in one XML", "save it as docx or PDF"),
)


def is_word(data: bytes) -> bool:
    """Whether this is a package whose main part is a Word text."""
    return data.startswith(b"PK\x03\x04") and _zip_kind(data)[0] == "word"


def refuse_unread(data: bytes, name: str) -> None:
    """DocumentError if the file is of a known format that is not read."""
    kind, advice = _kind(data)
    if kind:
        if advice in ("docx", "pdf"):
            advice = f"convert it first, e.g. soffice --headless --convert-to {advice} {shlex.quote(name)}"
        raise DocumentError(f"{name} is {kind}, which is not read; {advice}")


def _kind(data: bytes) -> tuple[str, str]:
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return _zip_kind(data)
    if data.startswith(_OLE):
        for stream, kind, advice in _STREAMS:
            if stream.encode("utf-16-le") in data:
                return kind, advice
        return "an older Office file", "docx"
    if data.startswith(b"MZ") and data[128:].find(b"PE\0\0", 0, 1024) >= 0:
        return "a program", _NO_TEXT
    if data.startswith(b"BM") and data[6:10] == b"\0\0\0\0":
        return "a BMP image", _OCR
    for start, mark, kind, advice in _MARKS:
        if data.startswith(mark, start):
            return kind, advice
    head = data[:2048]
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        for pattern, kind, advice in _XML:
            if pattern.search(head):
                return kind, advice
    return "", ""


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
        return "a program", _NO_TEXT
    return f"a zip archive ({len(names):,} entries)", _UNPACK


def _beginning(package: zipfile.ZipFile, name: str) -> bytes:
    with package.open(name) as part:
        return part.read(1 << 20)
